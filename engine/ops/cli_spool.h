/*
 * What the files of `sluice spool` share: cli_spool.c (the command), cli_spool_export.c,
 * cli_spool_salvage.c, cli_spool_import.c.
 *
 * Each runs in a process of its own, which tables that are damaged may end (cli_spool.c says so
 * then).
 *
 * Thread:  the main one.
 */
#ifndef SLUICE_CLI_SPOOL_H
#define SLUICE_CLI_SPOOL_H

#include "engine/config.h"
#include "engine/ops/parcel.h"
#include "queue/spool.h"

struct cli_spool {
	const struct config *config; /* NULL: --spool says where */
	const char *path;            /* of the spool */
	const char *folder;          /* of the parcels; NULL: none */
	const char *route;           /* --route; NULL: none */
	struct depot *depot;
	struct shelf shelf;
};

/* Each gives an exit status, and says what is wrong to stderr. */
int cli_spool_export(struct cli_spool *cli);
int cli_spool_salvage(struct cli_spool *cli);
int cli_spool_import(struct cli_spool *cli);

/* Opens it, for no other process, with the routes of the configuration; NULL: said why. */
struct spool *cli_spool_open(const struct cli_spool *cli);
/* The folder of the parcels; `makes`: made where it is missing. -1: said why. */
int cli_spool_open_folder(const struct cli_spool *cli, bool makes);
/* "sluice spool: WHAT: why" */
void cli_spool_complain(const char *what, struct err err);
/* Writes what parcel_begin() and parcel_add_job() made, and frees it. False: said why. */
bool cli_spool_write(int folder_fd, struct json_t *parcel, const struct message *message);

#endif
