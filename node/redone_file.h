// node/redone_file.h -- DIR/redone.jsonl: what this node did again since nobody had seen it (gossip/redo.h), for people.
//
//     {"when": iso time, "table":, "kind": "set", "key": name, "member": name, "what": "add", "old_tag": tag, "new_tag": tag or null, "again": bool}
//
// One line an entry, only ever appended.  `again`: under its own tag, as a retry.  Else as an operation of today, under
// `new_tag`; null: not at all, being removed, or done again from another copy of the disk.  Names are as in node/json_text.h.
// A value has "value" and, when it expires, "expires"; an increment has "amount", and no member but its tag.
// Lines are written after the batch that did it is durable: a kill right then costs lines, and no write.
// SUBTLE: a list for people.  Nothing of the node depends on it, so that a full disk here is a word in the log.
// Belongs to one thread.  Tests: tests/node/redone_file_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gossip/engine.h"

namespace kith {

class RedoneFile {
 public:
  explicit RedoneFile(const std::string& directory);

  // Durable when it returns.  An error is for people: then some of the lines may be there.
  [[nodiscard]] std::string append(const std::vector<Output::Redone>& redone, std::int64_t wall_ms);

  // 0: there is no file.  Cost: reads what has been written since it was last asked.
  std::uint64_t lines();
  const std::string& path() const { return path_; }

 private:
  std::string directory_, path_;
  std::uint64_t counted_bytes_ = 0, counted_lines_ = 0;
};

// Each ends with a newline.
std::vector<std::string> redone_lines(const Output::Redone& redone, std::int64_t wall_ms);

}  // namespace kith
