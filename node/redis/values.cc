#include "node/redis/values.h"

#include "node/redis/cursors.h"
#include "node/redis/command_table.h"
#include "node/redis/field_counters.h"
#include "node/redis/glob.h"
#include "node/redis/limits.h"
#include "node/redis/numbers.h"

namespace kith::redis {

namespace {

constexpr std::int64_t kScanCountMax = 10'000;
constexpr std::size_t kItemOverhead = 48;  // Of a string in memory, and of its head in the answer.

}  // namespace

bool counts_on(Call& call, std::int64_t number, std::int64_t amount, const std::function<std::int64_t()>& counted) {
  if (amount == 0 || number != 0) {
    const __int128 stands = static_cast<__int128>(number) + counted();
    if (call.reads_failed()) return false;
    const __int128 after = stands + amount;
    if (after > INT64_MAX || after < INT64_MIN) {
      call.fail("ERR increment or decrement would overflow");
      return false;
    }
    if (amount == 0) {  // Changes nothing.
      call.out.integer(static_cast<std::int64_t>(stands));
      return false;
    }
  }
  call.answer = Answer::kTotal;
  call.base = number;
  return true;
}

std::int64_t opposite(std::int64_t counted) { return counted == INT64_MIN ? INT64_MAX : -counted; }

std::int64_t take_out_field_counters(Call& call, std::string_view key, const std::vector<std::string_view>& fields, bool tell) {
  std::int64_t only_counted = 0;
  if (!call.reads.any_field_counted(key)) return 0;
  if (tell && call.must_wait(kHashes)) return 0;
  for (const std::string_view field : fields) {
    const std::int64_t counted = call.reads.field_counted(key, field);
    if (counted == 0) continue;
    Request& write = call.write(ClientOp::kIncr, field_counter(call.reads.services().table, key, field));
    write.table = kFieldTable;
    write.amount = opposite(counted);
    if (tell && !call.reads.field_text(key, field)) ++only_counted;
  }
  return only_counted;
}

void fail_too_large(Call& call, std::string_view instead) {
  call.fail("ERR the answer has more than " + std::to_string(kReplyBytesMax) + " bytes, the limit: " + std::string(instead));
}

bool ScanOptions::matches(std::string_view name, std::uint64_t& steps) const {
  return pattern.empty() || glob_matches(pattern, name, steps);
}

std::optional<ScanOptions> take_scan_options(Call& call, std::size_t cursor_at, std::string_view subject) {
  ScanOptions out;
  out.scan = std::string(call.spec.name) + ' ' + std::string(subject);
  const auto cursor = parse_integer(call.argument(cursor_at));
  if (!cursor || *cursor < 0) {
    call.fail("ERR invalid cursor");
    return std::nullopt;
  }
  for (std::size_t at = cursor_at + 1; at < call.count(); at += 2) {
    const std::string_view option = call.argument(at);
    if (at + 1 == call.count()) {
      call.fail_syntax();
      return std::nullopt;
    }
    if (same_word(option, "count")) {
      const auto count = call.integer(at + 1);
      if (!count) return std::nullopt;
      if (*count < 1) {
        call.fail_syntax();
        return std::nullopt;
      }
      out.count = static_cast<std::uint32_t>(std::min(*count, kScanCountMax));
    } else if (same_word(option, "match")) {
      out.pattern = call.argument(at + 1) == "*" ? "" : call.argument(at + 1);
    } else if (same_word(option, "type") && subject.empty()) {
      out.type = lower(call.argument(at + 1));
    } else {
      call.fail_syntax();
      return std::nullopt;
    }
  }
  if (*cursor == 0) return out;
  auto position = call.cursors.position(out.scan, static_cast<std::uint64_t>(*cursor));
  if (!position) {
    call.fail("ERR invalid cursor: this node gave none such for this, or forgot it (restarted, or many scans began since): begin again with 0");
    return std::nullopt;
  }
  out.position = *std::move(position);
  return out;
}

void answer_scan(Call& call, const ScanOptions& options, const std::string& next, std::size_t found) {
  call.out.array(2);
  call.out.bulk(next.empty() ? "0" : std::to_string(call.cursors.remember(options.scan, next)));
  call.out.array(found);
}

bool Gathered::add(std::string item, std::string_view instead) {
  bytes_ += item.size() + kItemOverhead;
  if (bytes_ > kReplyBytesMax) {
    fail_too_large(call_, instead);
    return false;
  }
  items_.push_back(std::move(item));
  return true;
}

void Gathered::answer_set() {
  call_.out.set(items_.size());
  for (const std::string& item : items_) call_.out.bulk(item);
}

void Gathered::answer_array() {
  call_.out.array(items_.size());
  for (const std::string& item : items_) call_.out.bulk(item);
}

}  // namespace kith::redis
