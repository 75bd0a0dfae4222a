/*
 * check() stops the process when the program itself is wrong: in release builds too.
 *
 * A bug is never carried on with: the spool on disk is whole, so a restart is safer than
 * a guess. Use one condition a check, so that the message names what failed.
 *
 * Thread:  any.
 * Never:   returns after a failed condition; has side effects of its own.
 */
#ifndef SLUICE_CHECK_H
#define SLUICE_CHECK_H

#define check(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* Prints the condition and where it stands to stderr, then aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
