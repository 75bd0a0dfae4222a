/*
 * The commit that this build was made of, with "-dirty" behind it where files differ from it;
 * "unknown" where there is no repository. commit.cmake writes its body, at every build.
 *
 * Thread:  any; a constant.
 */
#ifndef SLUICE_COMMIT_H
#define SLUICE_COMMIT_H

extern const char commit_text[];

#endif
