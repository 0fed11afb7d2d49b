// node/redis/values.h -- what several groups of commands do to values.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "node/redis/call.h"

namespace kith::redis {

// Adds the write that brings a counter to zero, as far as this node has counted; none when it stands there.
void take_out_counter(Call& call, std::string_view key);

// Whether a counter beside the text `number` is to be counted on by `amount`; then the answer is what it stands at afterwards.
// Else the command is over: it would overflow, or it only asked.
bool counts_on(Call& call, std::int64_t number, std::int64_t amount, const std::function<std::int64_t()>& counted);

// What brings a counter that stands there to zero, as near as one increment can.
std::int64_t opposite(std::int64_t counted);

// The same of what was counted in fields of a hash.  How many of them had nothing but that, if `tell`; then the command may have
// to be carried out again later (Call::held).  REQUIRES: no field comes twice.
std::int64_t take_out_field_counters(Call& call, std::string_view key, const std::vector<std::string_view>& fields, bool tell);

// The answer is an error that says how much is too much, and `instead`.
void fail_too_large(Call& call, std::string_view instead);

// Options behind the cursor of SCAN and its kin.
struct ScanOptions {
  std::string scan;       // Which one it is, for the cursors.
  std::string position;   // Where it goes on; empty: at the start.
  std::string pattern;    // Empty: everything matches.
  std::string type;       // Of SCAN: lower case; empty: any.
  std::uint32_t count = 10;

  bool matches(std::string_view name, std::uint64_t& steps) const;
};
// Reads them, the cursor at `cursor_at`; `subject`: the key that is scanned, empty of SCAN.  Nothing: the answer is an error.
std::optional<ScanOptions> take_scan_options(Call& call, std::size_t cursor_at, std::string_view subject);
// The cursor and the head of what was found, as the answer begins.
void answer_scan(Call& call, const ScanOptions& options, const std::string& next, std::size_t found);

// Strings for one answer, never more than an answer may have.
class Gathered {
 public:
  explicit Gathered(Call& call) : call_(call) {}
  // False, and the answer is an error, when it would be too much.
  bool add(std::string item, std::string_view instead);
  const std::vector<std::string>& items() const { return items_; }
  void answer_set();
  void answer_array();

 private:
  Call& call_;
  std::vector<std::string> items_;
  std::size_t bytes_ = 0;
};

}  // namespace kith::redis
