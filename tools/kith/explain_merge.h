// tools/kith/explain_merge.h -- what would come of it if one node's copy of a cell were merged into another's, in sentences.
//
// Nothing is merged: a set's element is joined here, by the same code as on a node (crdt/set_element.h); of values and
// counters the documents tell the order.  Whether the node would take the rows at all is the fence of DESIGN.md, section 8.
// Pure functions.  Tests: tests/tools/explain_merge_test.cc
#pragma once

#include <string>
#include <vector>

#include "node/view/explain_document.h"
#include "node/view/status_document.h"

namespace kith::tools {

struct CopyOfKey {
  const NodeStatus& status;
  const std::vector<ExplainedValue>& values;
};

struct MergeVerdict {
  bool would_change = false;  // What is stored, if the rows were taken.
  bool fenced = false;        // They would not be.
  std::vector<std::string> sentences;
};

// `theirs` into `mine`.  `what` names the key or the element; `lives` are those of both documents.
MergeVerdict merge_in_words(const CopyOfKey& mine, const CopyOfKey& theirs, const LifeNames& lives, const std::string& what);

}  // namespace kith::tools
