/*
 * A scene: a whole simulated machine and one other party, whose bytes are the fuzzer's. The
 * real shards, spooler and protocol code run against the simulator's clock, network, disk and TLS;
 * every input has a machine of its own, on an empty disk.
 *
 * What an input is: the bytes that the other party sends, and among them some that make it do
 * something else (enum scene_act), so that a conversation reads as such in the corpus.
 *
 * In the environment, SCENE_VERBOSE shows the machine's log, and SCENE_PLANT plants a bug that the
 * target is to find.
 *
 * Thread:  the fuzzer's.
 * Owns:    the machine, the other party's loop, and the simulator.
 * Fails:   by check(): whatever is not given back when the machine ends, too (I6).
 */
#ifndef SLUICE_TESTS_FUZZ_SCENE_H
#define SLUICE_TESTS_FUZZ_SCENE_H

#include "tests/fuzz/fuzz.h"
#include "tests/sim/disk.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"

#define SCENE_INPUT_MAX  16384                  /* bytes of an input; beyond it they are dropped */
#define SCENE_PIECE_MAX  8192                   /* of it at once: what a stream copies */
#define SCENE_PASSES_MAX 6                      /* of SCENE_PASS in an input: less than a bounce */
#define SCENE_PASS_NS    (61 * NS_PER_S)        /* longer than any wait before the next attempt */
#define SCENE_MEMORY     ((size_t)2 << 20)      /* of the other party */
#define SCENE_BEGAN_MS   INT64_C(1790000000000) /* of the wall's clock */
/* A run takes some thousands; more are a machine that never comes to rest. */
#define SCENE_TURNS_MAX 200000

/* Bytes that no conversation needs. */
enum scene_act {
	SCENE_WAIT = 0x01,  /* until nobody has anything to say */
	SCENE_TLS = 0x02,   /* begin with TLS */
	SCENE_ABORT = 0x03, /* end the connection by a reset */
	SCENE_PASS = 0x04,  /* a minute goes by */
	SCENE_CLOSE = 0x05, /* end the connection behind what was sent */
};

struct scene {
	struct config *config;
	struct machine *machine;
	struct depot *depot; /* the other party's */
	struct shelf shelf;
	struct loop loop;
	struct random random; /* whose turn it is */
	unsigned turns;
	unsigned passes;
	/* The other party reads its news. */
	void (*work)(struct scene *scene);
};

/* The path of a file with a word in it, for what a config must name and nobody here reads, and for
 * secrets. It has no place in a folder that it could be left in. */
const char *scene_file(void);
/* Likewise, of a file with the checker's user in it. */
const char *scene_users_file(void);
/* At the process's start: the config is every machine's. */
struct config *scene_config(struct view yaml);
/* `seed` decides about the order of turns, and how bytes are torn apart on their way. */
void scene_open(struct scene *scene, struct config *config, unsigned seed,
        void (*work)(struct scene *scene));
/* The other party acts between these two. */
void scene_begin(struct scene *scene);
void scene_end(struct scene *scene);
/* Until nothing is on its way and nobody has anything to do now. */
void scene_settle(struct scene *scene);
/* Time goes on, with all that falls due. */
void scene_pass(struct scene *scene, int64_t ns);
/* The next of the input: bytes to be sent, or an act. False: its end. */
bool scene_next(struct view *input, unsigned seed, struct view *bytes, unsigned *act);
/* The machine drains and ends; then the other party, whose connections are gone. */
void scene_close(struct scene *scene);
/* Whether this message is on the disk. */
bool scene_has_message(uint64_t id);

#endif
