// Hashes: each field a register, and a counter that counts on from it (docs/REDIS.md).
#include <set>

#include "crdt/limits.h"
#include "node/redis/call.h"
#include "node/redis/chunks.h"
#include "node/redis/command_table.h"
#include "node/redis/commands.h"
#include "node/redis/field_counters.h"
#include "node/redis/limits.h"
#include "node/redis/numbers.h"
#include "node/redis/values.h"

namespace kith::redis {

namespace {

constexpr std::string_view kInParts = "read it in parts with HSCAN";

// The fields that a command names, from `first` on, each once.
std::vector<std::string_view> named(const Call& call, std::size_t first, std::size_t step) {
  std::vector<std::string_view> out;
  std::set<std::string_view> seen;
  for (std::size_t i = first; i < call.count(); i += step) {
    if (seen.insert(call.argument(i)).second) out.push_back(call.argument(i));
  }
  return out;
}

// False: the answer is an error, or it is to be carried out again.
bool set_fields(Call& call, bool tell) {
  if (call.count() % 2 != 0) {
    call.fail("ERR wrong number of arguments for '" + std::string(call.spec.name) + "' command");
    return false;
  }
  Chunks chunks(call, ClientOp::kHset, call.argument(1));
  for (std::size_t i = 2; i < call.count(); i += 2) chunks.add(call.argument(i), call.argument(i + 1));
  // Of those that were only counted the engine says that they are new.
  call.base = -take_out_field_counters(call, call.argument(1), named(call, 2, 2), tell);
  return !call.held && !call.reads_failed();
}

void answer_fields(Call& call, bool names, bool values) {
  Gathered all(call);
  call.reads.each_shown_field(call.argument(1), [&](std::string& field, std::string& value) {
    return (!names || all.add(std::move(field), kInParts)) && (!values || all.add(std::move(value), kInParts));
  });
  if (call.failed() || call.reads_failed()) return;
  if (!names || !values) return all.answer_array();
  call.out.map(all.items().size() / 2);
  for (const std::string& item : all.items()) call.out.bulk(item);
}

}  // namespace

void do_hset(Call& call) {
  if (set_fields(call, true)) call.answer = Answer::kCreated;
}

void do_hmset(Call& call) {
  if (set_fields(call, false)) call.out.ok();
}

void do_hget(Call& call) {
  const auto value = call.reads.field(call.argument(1), call.argument(2));
  if (call.reads_failed()) return;
  if (value) {
    call.out.bulk(*value);
  } else {
    call.out.null();
  }
}

void do_hmget(Call& call) {
  call.out.array(call.count() - 2);
  for (std::size_t i = 2; i < call.count(); ++i) {
    const auto value = call.reads.field(call.argument(1), call.argument(i));
    if (call.reads_failed()) return;
    if (value) {
      call.out.bulk(*value);
    } else {
      call.out.null();
    }
    if (call.out.size() - call.began > kReplyBytesMax) return fail_too_large(call, "ask for fewer fields at a time");
  }
}

void do_hgetall(Call& call) { answer_fields(call, true, true); }
void do_hkeys(Call& call) { answer_fields(call, true, false); }
void do_hvals(Call& call) { answer_fields(call, false, true); }

void do_hdel(Call& call) {
  const std::vector<std::string_view> fields = named(call, 2, 1);
  Chunks chunks(call, ClientOp::kHdel, call.argument(1));
  for (const std::string_view field : fields) chunks.add(field);
  call.base = take_out_field_counters(call, call.argument(1), fields, true);
  if (!call.held && !call.reads_failed()) call.answer = Answer::kNumber;
}

void do_hincrby(Call& call) {
  const std::string_view key = call.argument(1), field = call.argument(2);
  const auto amount = call.integer(3);
  if (!amount) return;
  const std::string counter = field_counter(call.reads.services().table, key, field);
  if (key.empty() || field.empty()) return call.fail("ERR neither a key nor a field may be empty");
  if (counter.size() > kKeyBytesMax) {
    return call.fail("ERR the names of key and field are too long to be counted under: " + std::to_string(counter.size()) +
                     " bytes together, and the limit is " + std::to_string(kKeyBytesMax) + "; nothing was changed");
  }
  const auto text = call.reads.field_text(key, field);
  if (call.reads_failed()) return;
  const auto number = text ? parse_integer(*text) : std::optional<std::int64_t>(0);
  if (!number) return call.fail("ERR hash value is not an integer");
  if (!counts_on(call, *number, *amount, [&] { return call.reads.field_counted(key, field); })) return;
  Request& write = call.write(ClientOp::kIncr, counter);
  write.table = kFieldTable;
  write.amount = *amount;
}

void do_hlen(Call& call) {
  const std::uint64_t count = call.reads.count(call.argument(1), Kind::kHash) + call.reads.fields_only_counted(call.argument(1));
  if (!call.reads_failed()) call.out.integer(static_cast<std::int64_t>(count));
}

void do_hexists(Call& call) {
  const auto value = call.reads.field(call.argument(1), call.argument(2));
  if (!call.reads_failed()) call.out.integer(value ? 1 : 0);
}

void do_hstrlen(Call& call) {
  const auto value = call.reads.field(call.argument(1), call.argument(2));
  if (!call.reads_failed()) call.out.integer(value ? static_cast<std::int64_t>(value->size()) : 0);
}

void do_hscan(Call& call) {
  const auto options = take_scan_options(call, 2, call.argument(1));
  if (!options) return;
  const Reads::Page page = call.reads.page(call.argument(1), Kind::kHash, options->position, options->count);
  if (call.reads_failed()) return;
  std::vector<const std::pair<std::string, std::string>*> found;
  std::uint64_t steps = 0;
  for (const auto& pair : page.fields) {
    if (options->matches(pair.first, steps)) found.push_back(&pair);
  }
  answer_scan(call, *options, page.next, 2 * found.size());
  for (const auto* pair : found) {
    call.out.bulk(pair->first);
    call.out.bulk(pair->second);
  }
}

}  // namespace kith::redis
