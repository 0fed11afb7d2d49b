#include "tools/sim/outcome.h"

#include <bit>
#include <chrono>
#include <cstring>
#include <ctime>

#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

class Out {
 public:
  void put(std::uint64_t value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    bytes_.append(bytes, sizeof value);
  }
  void put_signed(std::int64_t value) { put(std::bit_cast<std::uint64_t>(value)); }
  void put(std::string_view text) {
    put(std::uint64_t{text.size()});
    bytes_ += text;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class In {
 public:
  explicit In(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    if (bytes_.size() < sizeof value) {
      whole_ = false;
      return 0;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::int64_t signed_number() { return std::bit_cast<std::int64_t>(number()); }
  std::string text() {
    const std::uint64_t size = number();
    if (size > bytes_.size()) {
      whole_ = false;
      return {};
    }
    std::string out(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return out;
  }
  bool whole() const { return whole_; }

 private:
  std::string_view bytes_;
  bool whole_ = true;
};

std::int64_t processor_now_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

Outcome run_measured(const Scenario& scenario, std::uint64_t seed, const RunOptions& options, bool twice) {
  using Clock = std::chrono::steady_clock;
  Outcome out;
  out.seed = seed;
  const auto began = Clock::now();
  const std::int64_t processor_began_us = processor_now_us();
  out.result = run(scenario, seed, options);
  out.processor_us = processor_now_us() - processor_began_us;
  out.real_us = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count();
  if (!twice || out.result.failure) return out;
  const RunResult again =
      run(scenario, seed, {.trace = {}, .recording = nullptr, .check_messages = options.check_messages});
  if (again.trace_hash != out.result.trace_hash) {
    out.result.failure = Failure{'T', out.result.virtual_us,
                                 "two runs in one process differ: their hashes are " +
                                     hash_words(out.result.trace_hash) + " and " + hash_words(again.trace_hash)};
  }
  return out;
}

std::string to_bytes(const Outcome& outcome) {
  const RunResult& result = outcome.result;
  Out out;
  out.put(outcome.seed);
  out.put_signed(outcome.real_us);
  out.put_signed(outcome.processor_us);
  out.put(std::uint64_t{result.failure ? 1U : 0U});
  if (result.failure) {
    out.put(static_cast<std::uint64_t>(static_cast<unsigned char>(result.failure->law)));
    out.put_signed(result.failure->at_us);
    out.put(result.failure->text);
  }
  out.put(result.trace_hash);
  out.put(result.data_hash);
  out.put_signed(result.virtual_us);
  out.put(result.steps);
  out.put(result.messages);
  out.put(result.message_bytes);
  out.put(result.writes);
  out.put_signed(result.converged_after_us);
  out.put(std::uint64_t{result.marks.size()});
  for (const auto& [name, count] : result.marks) {
    out.put(name);
    out.put(count);
  }
  return out.take();
}

std::optional<Outcome> parse_outcome(std::string_view bytes) {
  In in(bytes);
  Outcome out;
  RunResult& result = out.result;
  out.seed = in.number();
  out.real_us = in.signed_number();
  out.processor_us = in.signed_number();
  if (in.number() != 0) {
    Failure failure;
    failure.law = static_cast<char>(in.number());
    failure.at_us = in.signed_number();
    failure.text = in.text();
    result.failure = std::move(failure);
  }
  result.trace_hash = in.number();
  result.data_hash = in.number();
  result.virtual_us = in.signed_number();
  result.steps = in.number();
  result.messages = in.number();
  result.message_bytes = in.number();
  result.writes = in.number();
  result.converged_after_us = in.signed_number();
  for (std::uint64_t left = in.number(); left > 0 && in.whole(); --left) {
    std::string name = in.text();
    result.marks[std::move(name)] = in.number();
  }
  if (!in.whole()) return std::nullopt;
  return out;
}

}  // namespace kith::sim::tool
