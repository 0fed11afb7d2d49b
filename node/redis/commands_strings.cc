// Strings: a register, and a counter that counts on from it (docs/REDIS.md).
#include <set>

#include "crdt/limits.h"
#include "node/redis/call.h"
#include "node/redis/command_table.h"
#include "node/redis/commands.h"
#include "node/redis/limits.h"
#include "node/redis/numbers.h"
#include "node/redis/values.h"

namespace kith::redis {

namespace {

void set_with_ttl(Call& call, std::string_view key, std::string_view value, std::int64_t ttl_ms) {
  if (ttl_ms < 0) {  // Over before it began.
    call.write(ClientOp::kDel, key);
  } else {
    Request& set = call.write(ClientOp::kSet, key);
    set.value = value;
    set.ttl_ms = ttl_ms;
  }
  take_out_counter(call, key);
  if (!call.reads_failed()) call.out.ok();
}

constexpr std::string_view kOneOrder =
    " needs all nodes to agree on one order of writes, and Kith's nodes never wait for each other: two of them would both "
    "say that it was done. ";

// Reads EX, PX, EXAT and PXAT with their number; others are syntax errors.  The ttl; -1: it is over already.
std::optional<std::int64_t> take_expiry(Call& call, std::size_t at, std::string_view option) {
  const auto value = call.integer(at);
  if (!value) return std::nullopt;
  const bool seconds = same_word(option, "ex") || same_word(option, "exat");
  const bool absolute = same_word(option, "exat") || same_word(option, "pxat");
  std::int64_t ms = *value;
  if (*value <= 0 || (seconds && __builtin_mul_overflow(ms, std::int64_t{1000}, &ms))) {
    call.fail("ERR invalid expire time in '" + std::string(call.spec.name) + "' command");
    return std::nullopt;
  }
  if (!absolute) return ms;
  const std::int64_t left_ms = ms - call.reads.now_ms();
  return left_ms > 0 ? left_ms : -1;
}

void count_by(Call& call, std::int64_t amount) {
  const std::string_view key = call.argument(1);
  const auto text = call.reads.text(key);
  if (call.reads_failed()) return;
  const auto number = text ? parse_integer(*text) : std::optional<std::int64_t>(0);
  if (!number) return call.fail("ERR value is not an integer or out of range");
  if (counts_on(call, *number, amount, [&] { return call.reads.counted(key); })) call.write(ClientOp::kIncr, key).amount = amount;
}

void answer_string(Call& call, std::string_view key) {
  const auto shown = call.reads.string(key).shown();
  if (call.reads_failed()) return;
  if (shown) {
    call.out.bulk(*shown);
  } else {
    call.out.null();
  }
}

}  // namespace

void take_out_counter(Call& call, std::string_view key) {
  const std::int64_t counted = call.reads.counted(key);
  if (counted != 0) call.write(ClientOp::kIncr, key).amount = opposite(counted);
}

void do_get(Call& call) { answer_string(call, call.argument(1)); }

void do_set(Call& call) {
  std::int64_t ttl_ms = 0;
  bool expiry_given = false;
  std::string_view refused;
  for (std::size_t at = 3; at < call.count(); ++at) {
    const std::string_view option = call.argument(at);
    const bool expiry = same_word(option, "ex") || same_word(option, "px") || same_word(option, "exat") || same_word(option, "pxat");
    if (same_word(option, "nx") || same_word(option, "xx") || same_word(option, "get")) {
      refused = option;
    } else if (same_word(option, "keepttl")) {
      if (expiry_given) return call.fail_syntax();
      refused = option;
    } else if (expiry && !expiry_given && at + 1 < call.count()) {
      const auto taken = take_expiry(call, ++at, option);
      if (!taken) return;
      ttl_ms = *taken;
      expiry_given = true;
    } else {
      return call.fail_syntax();
    }
  }
  if (same_word(refused, "keepttl")) {
    return call.fail("ERR SET with KEEPTTL would keep a time that another node may be changing: give the time again, as in EX 60");
  }
  if (!refused.empty()) {
    return call.fail("ERR SET with " + std::string(refused) + std::string(kOneOrder) + "Nothing was done; for what is to be counted use INCR, for what is to be gathered SADD");
  }
  set_with_ttl(call, call.argument(1), call.argument(2), ttl_ms);
}

void do_setex(Call& call) {
  if (const auto ttl_ms = take_expiry(call, 2, "ex")) set_with_ttl(call, call.argument(1), call.argument(3), *ttl_ms);
}

void do_psetex(Call& call) {
  if (const auto ttl_ms = take_expiry(call, 2, "px")) set_with_ttl(call, call.argument(1), call.argument(3), *ttl_ms);
}

void do_getdel(Call& call) {
  const std::string_view key = call.argument(1);
  const StringParts parts = call.reads.string(key);
  if (call.reads_failed()) return;
  const auto shown = parts.shown();
  if (!shown) return call.out.null();
  if (parts.text) call.write(ClientOp::kDel, key);
  take_out_counter(call, key);
  if (!call.reads_failed()) call.out.bulk(*shown);
}

void do_mget(Call& call) {
  call.out.array(call.count() - 1);
  for (std::size_t i = 1; i < call.count(); ++i) {
    answer_string(call, call.argument(i));
    if (call.failed()) return;
    if (call.out.size() - call.began > kReplyBytesMax) return fail_too_large(call, "ask for fewer keys at a time");
  }
}

void do_mset(Call& call) {
  if (call.count() % 2 == 0) return call.fail("ERR wrong number of arguments for 'mset' command");
  // SUBTLE: under one tag the greater value of a key that is named twice would win, not the later one.
  std::set<std::string_view> seen;
  for (std::size_t i = call.count() - 2; i >= 1; i -= 2) {
    if (seen.insert(call.argument(i)).second) {
      call.write(ClientOp::kSet, call.argument(i)).value = call.argument(i + 1);
      take_out_counter(call, call.argument(i));
    }
    if (i == 1) break;
  }
  if (!call.reads_failed()) call.out.ok();
}

void do_strlen(Call& call) {
  const auto shown = call.reads.string(call.argument(1)).shown();
  if (!call.reads_failed()) call.out.integer(shown ? static_cast<std::int64_t>(shown->size()) : 0);
}

void do_incr(Call& call) { count_by(call, 1); }
void do_decr(Call& call) { count_by(call, -1); }

void do_incrby(Call& call) {
  if (const auto amount = call.integer(2)) count_by(call, *amount);
}

void do_decrby(Call& call) {
  const auto amount = call.integer(2);
  if (!amount) return;
  if (*amount == INT64_MIN) return call.fail("ERR decrement would overflow");
  count_by(call, -*amount);
}

}  // namespace kith::redis
