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
