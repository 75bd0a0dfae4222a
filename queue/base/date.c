#include "queue/base/date.h"

struct date {
	int64_t year;
	unsigned month;   /* 1..12 */
	unsigned day;     /* 1..31 */
	unsigned weekday; /* 0: Sunday */
	unsigned hour, minute, second, ms;
};

/* Days to year, month and day by Howard Hinnant's method: years begin in March, so that the
 * leap day is a year's last; 400 years have 146,097 days. */
static void date_from_days(struct date *date, int64_t days)
{
	days += 719468; /* from 0000-03-01 to 1970-01-01 */
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned day_of_era = (unsigned)(days - era * 146097);
	unsigned year_of_era =
	        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year =
	        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month_from_march = (5 * day_of_year + 2) / 153;

	date->day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	date->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	date->year = (int64_t)year_of_era + era * 400 + (date->month <= 2 ? 1 : 0);
}

static struct date date_from_wall(struct wall when)
{
	const int64_t day_ms = 86400000;
	int64_t days = when.ms / day_ms;
	int64_t rest = when.ms % day_ms;
	struct date date;

	if (rest < 0) {
		rest += day_ms;
		days--;
	}
	date_from_days(&date, days);
	date.weekday = (unsigned)(((days % 7) + 7 + 4) % 7); /* 1970-01-01 was a Thursday */
	date.ms = (unsigned)(rest % 1000);
	date.second = (unsigned)(rest / 1000 % 60);
	date.minute = (unsigned)(rest / 60000 % 60);
	date.hour = (unsigned)(rest / 3600000);
	return date;
}

/* Without vsnprintf(): every message has such a line, and each of the log's. */
static void date_put_year(struct text *text, int64_t year)
{
	if (year < 0)
		text_put_byte(text, '-');
	text_put_padded(text, (uint64_t)(year < 0 ? -year : year), year < 0 ? 3 : 4);
}

static void date_put_time(struct text *text, const struct date *date)
{
	text_put_padded(text, date->hour, 2);
	text_put_byte(text, ':');
	text_put_padded(text, date->minute, 2);
	text_put_byte(text, ':');
	text_put_padded(text, date->second, 2);
}

void date_put_mail(struct text *text, struct wall when)
{
	static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct date date = date_from_wall(when);

	text_put(text, view_from(weekdays[date.weekday], 3));
	text_put(text, VIEW(", "));
	text_put_u64(text, date.day);
	text_put_byte(text, ' ');
	text_put(text, view_from(months[date.month - 1], 3));
	text_put_byte(text, ' ');
	date_put_year(text, date.year);
	text_put_byte(text, ' ');
	date_put_time(text, &date);
	text_put(text, VIEW(" +0000"));
}

void date_put_iso(struct text *text, struct wall when)
{
	struct date date = date_from_wall(when);

	date_put_year(text, date.year);
	text_put_byte(text, '-');
	text_put_padded(text, date.month, 2);
	text_put_byte(text, '-');
	text_put_padded(text, date.day, 2);
	text_put_byte(text, 'T');
	date_put_time(text, &date);
	text_put_byte(text, '.');
	text_put_padded(text, date.ms, 3);
	text_put_byte(text, 'Z');
}

/* Two to four digits, and what must follow them; '\0': nothing. */
static bool date_read_number(struct view *rest, size_t digits, char end, unsigned *number)
{
	if (rest->bytes < digits + (end != '\0'))
		return false;
	*number = 0;
	for (size_t i = 0; i < digits; i++) {
		if (!byte_is_digit(rest->data[i]))
			return false;
		*number = *number * 10 + (unsigned)(rest->data[i] - '0');
	}
	if (end != '\0' && rest->data[digits] != end)
		return false;
	*rest = view_skip(*rest, digits + (end != '\0'));
	return true;
}

/* The other way of date_from_days(). */
static int64_t date_to_days(const struct date *date)
{
	const int64_t year = date->year - (date->month <= 2 ? 1 : 0);
	const int64_t era = (year >= 0 ? year : year - 399) / 400;
	const unsigned year_of_era = (unsigned)(year - era * 400);
	const unsigned month_from_march = date->month > 2 ? date->month - 3 : date->month + 9;
	const unsigned day_of_year = (153 * month_from_march + 2) / 5 + date->day - 1;
	const unsigned day_of_era =
	        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static bool date_read_fraction(struct view *rest, unsigned *ms)
{
	unsigned weight = 100;
	size_t digits = 0;

	*ms = 0;
	if (rest->bytes == 0 || rest->data[0] != '.')
		return true;
	for (*rest = view_skip(*rest, 1); rest->bytes > 0 && byte_is_digit(rest->data[0]);
	        *rest = view_skip(*rest, 1)) {
		*ms += (unsigned)(rest->data[0] - '0') * weight;
		weight /= 10;
		digits++;
	}
	return digits > 0;
}

static bool date_read_offset(struct view rest, int64_t *minutes)
{
	unsigned hour = 0;
	unsigned minute = 0;

	*minutes = 0;
	if (rest.bytes == 1 && byte_lower(rest.data[0]) == 'z')
		return true;
	if (rest.bytes == 0 || (rest.data[0] != '+' && rest.data[0] != '-'))
		return false;
	const int64_t sign = rest.data[0] == '-' ? -1 : 1;
	rest = view_skip(rest, 1);
	if (!date_read_number(&rest, 2, ':', &hour) || !date_read_number(&rest, 2, '\0', &minute))
		return false;
	*minutes = sign * (int64_t)(hour * 60 + minute);
	return rest.bytes == 0 && hour < 24 && minute < 60;
}

static bool date_read_time(struct view rest, struct date *date, int64_t *offset)
{
	*offset = 0;
	if (rest.bytes == 0)
		return true;
	if (byte_lower(rest.data[0]) != 't' && rest.data[0] != ' ')
		return false;
	rest = view_skip(rest, 1);
	return date_read_number(&rest, 2, ':', &date->hour) &&
	       date_read_number(&rest, 2, ':', &date->minute) &&
	       date_read_number(&rest, 2, '\0', &date->second) &&
	       date_read_fraction(&rest, &date->ms) && date_read_offset(rest, offset);
}

bool date_read_iso(struct view text, struct wall *when)
{
	struct view rest = text;
	struct date date = { 0 };
	struct date again;
	unsigned year;
	int64_t offset;

	if (!date_read_number(&rest, 4, '-', &year) ||
	        !date_read_number(&rest, 2, '-', &date.month) ||
	        !date_read_number(&rest, 2, '\0', &date.day) ||
	        !date_read_time(rest, &date, &offset))
		return false;
	if (date.month < 1 || date.month > 12 || date.day < 1 || date.hour > 23 ||
	        date.minute > 59 || date.second > 60)
		return false;
	date.year = year;
	const int64_t days = date_to_days(&date);
	date_from_days(&again, days);
	if (again.day != date.day) /* the month has fewer */
		return false;
	const int64_t minutes = days * 1440 + date.hour * 60 + date.minute - offset;
	when->ms = (minutes * 60 + date.second) * 1000 + date.ms;
	return true;
}
