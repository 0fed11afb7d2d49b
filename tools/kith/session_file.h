// tools/kith/session_file.h -- one lasting client session per user and cluster, for commands that run and end.
//
// A session is an actor, and a cell keeps the last entry of every actor that wrote to it.  If each `kith sadd` were a
// session of its own, an element that a cron job adds every minute would gain 32 bytes a minute, and refuse writes once
// kEntriesPerCellMax sessions have written to it.  So they share one, whose last tag is kept in a file:
//
//     ~/.kith_session  or  $KITH_SESSION_FILE:   a line "CLUSTER-ID LAST-TAG" per cluster, changed under a lock
//
// Two commands never mint one tag: the file is locked while one is minted, and tags only rise.  Without a file (no home,
// not writable) each command is a session of its own, which is safe as well.
#pragma once

#include <string>

#include "crdt/tag.h"

namespace kith::tools {

// Where the environment says that it is; empty: nowhere.
std::string session_file_path();

// The next tag of the lasting session in `cluster`.  `fresh` was minted just now by a session that nobody else has: its
// time is the cluster's, and it is what comes back when there is no file, or when the file's last tag is so far ahead of
// the cluster's time that the next one would be refused.  Does not throw.
Tag next_tag_of_lasting_session(const std::string& path, const std::string& cluster, const Tag& fresh);

}  // namespace kith::tools
