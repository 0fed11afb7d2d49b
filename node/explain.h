// node/explain.h -- the document of op "explain": the entries of a cell, or of a whole key, as they are stored, and whose
// lives the origins in them are.
//
// The names come from this disk: from the table of lives, and of lives that are retired from what was kept of them
// (meta::former_life).  An origin of which neither tells is left out; another node may know.
// JSON text, bounded to a page.  Called by answer_read(), which has checked the names.  Tests: tests/node/reads_test.cc
#pragma once

#include "node/reads.h"

namespace kith {

ClientReply answer_explain(const Request& request, const ReadContext& context);

}  // namespace kith
