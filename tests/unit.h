/*
 * Read before a unit test that shares its program with others: its main is one of many. The build
 * says under which name.
 */
#ifndef SLUICE_TESTS_UNIT_H
#define SLUICE_TESTS_UNIT_H

int UNIT_MAIN(void);
#define main UNIT_MAIN

#endif
