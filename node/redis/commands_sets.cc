// Sets: elements that were added by somebody, and not removed since by somebody who had seen that.
#include <algorithm>
#include <random>
#include <unordered_set>

#include "node/redis/call.h"
#include "node/redis/chunks.h"
#include "node/redis/command_table.h"
#include "node/redis/commands.h"
#include "node/redis/limits.h"
#include "node/redis/values.h"

namespace kith::redis {

namespace {

constexpr std::string_view kInParts = "read it in parts with SSCAN";

void change_members(Call& call, ClientOp op) {
  Chunks chunks(call, op, call.argument(1));
  for (std::size_t i = 2; i < call.count(); ++i) chunks.add(call.argument(i));
  call.answer = Answer::kNumber;
}

std::mt19937_64& random() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator;
}

std::size_t draw(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random()); }

}  // namespace

void do_sadd(Call& call) { change_members(call, ClientOp::kSadd); }
void do_srem(Call& call) { change_members(call, ClientOp::kSrem); }

void do_smembers(Call& call) {
  Gathered all(call);
  call.reads.each_member(call.argument(1), [&](std::string& member) { return all.add(std::move(member), kInParts); });
  if (!call.failed() && !call.reads_failed()) all.answer_set();
}

void do_sismember(Call& call) {
  const bool is = call.reads.is_member(call.argument(1), call.argument(2));
  if (!call.reads_failed()) call.out.integer(is ? 1 : 0);
}

void do_smismember(Call& call) {
  call.out.array(call.count() - 2);
  for (std::size_t i = 2; i < call.count(); ++i) {
    const bool is = call.reads.is_member(call.argument(1), call.argument(i));
    if (call.reads_failed()) return;
    call.out.integer(is ? 1 : 0);
  }
}

void do_scard(Call& call) {
  const std::uint64_t count = call.reads.count(call.argument(1), Kind::kSet);
  if (!call.reads_failed()) call.out.integer(static_cast<std::int64_t>(count));
}

void do_sscan(Call& call) {
  const auto options = take_scan_options(call, 2, call.argument(1));
  if (!options) return;
  const Reads::Page page = call.reads.page(call.argument(1), Kind::kSet, options->position, options->count);
  if (call.reads_failed()) return;
  std::vector<const std::string*> found;
  std::uint64_t steps = 0;
  for (const std::string& member : page.members) {
    if (options->matches(member, steps)) found.push_back(&member);
  }
  answer_scan(call, *options, page.next, found.size());
  for (const std::string* member : found) call.out.bulk(*member);
}

void do_sinter(Call& call) {
  // The smallest is walked, the others are asked.
  std::size_t least = 1;
  std::uint64_t least_count = UINT64_MAX;
  for (std::size_t i = 1; i < call.count(); ++i) {
    const std::uint64_t count = call.reads.count(call.argument(i), Kind::kSet);
    if (count < least_count) {
      least = i;
      least_count = count;
    }
  }
  Gathered all(call);
  call.reads.each_member(call.argument(least), [&](std::string& member) {
    for (std::size_t i = 1; i < call.count(); ++i) {
      if (i != least && !call.reads.is_member(call.argument(i), member)) return !call.reads.failed();
    }
    return all.add(std::move(member), kInParts);
  });
  if (!call.failed() && !call.reads_failed()) all.answer_set();
}

void do_sunion(Call& call) {
  Gathered all(call);
  std::unordered_set<std::string> seen;
  for (std::size_t i = 1; i < call.count() && !call.failed(); ++i) {
    call.reads.each_member(call.argument(i), [&](std::string& member) {
      return !seen.insert(member).second || all.add(std::move(member), kInParts);
    });
  }
  if (!call.failed() && !call.reads_failed()) all.answer_set();
}

void do_sdiff(Call& call) {
  Gathered all(call);
  call.reads.each_member(call.argument(1), [&](std::string& member) {
    for (std::size_t i = 2; i < call.count(); ++i) {
      if (call.reads.is_member(call.argument(i), member)) return true;
    }
    return !call.reads.failed() && all.add(std::move(member), kInParts);
  });
  if (!call.failed() && !call.reads_failed()) all.answer_set();
}

void do_srandmember(Call& call) {
  if (call.count() > 3) return call.fail_syntax();
  const bool counted = call.count() == 3;
  const auto asked = counted ? call.integer(2) : std::optional<std::int64_t>(1);
  if (!asked) return;
  if (*asked < -INT64_MAX / 2 || *asked > INT64_MAX / 2) return call.fail("ERR value is out of range");
  const auto wanted = static_cast<std::uint64_t>(std::abs(*asked));
  const bool repeats = *asked < 0;
  // Every element is equally likely, so all are walked: of those seen so far a fair sample of `wanted` is kept.
  Gathered all(call);
  std::vector<std::string> sample;
  std::size_t seen = 0;
  if (wanted > 0) {
    call.reads.each_member(call.argument(1), [&](std::string& member) {
      ++seen;
      if (repeats || sample.size() < wanted) {
        if (!all.add(member, "ask for fewer at a time")) return false;
        sample.push_back(std::move(member));
      } else if (const std::size_t place = draw(seen); place < sample.size()) {
        sample[place] = std::move(member);
      }
      return true;
    });
  }
  if (call.failed() || call.reads_failed()) return;
  if (!counted) return sample.empty() ? call.out.null() : call.out.bulk(sample.front());
  if (!repeats || sample.empty()) {
    call.out.array(sample.size());
    for (const std::string& member : sample) call.out.bulk(member);
    return;
  }
  call.out.array(wanted);
  for (std::uint64_t i = 0; i < wanted; ++i) {
    call.out.bulk(sample[draw(sample.size())]);
    if (call.out.size() - call.began > kReplyBytesMax) return fail_too_large(call, "ask for fewer at a time");
  }
}

}  // namespace kith::redis
