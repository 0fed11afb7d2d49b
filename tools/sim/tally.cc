#include "tools/sim/tally.h"

#include <algorithm>
#include <cmath>

#include "sim/marks.h"
#include "tools/sim/history.h"
#include "tools/sim/laws.h"
#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

constexpr std::size_t kTextBytesMax = 240;  // Of a failure in a list; `run` prints all of it.

}  // namespace

void Tally::add(const Outcome& outcome) {
  const RunResult& result = outcome.result;
  real_us_.push_back(outcome.real_us);
  sum_real_us_ += outcome.real_us;
  processor_us_ += outcome.processor_us;
  virtual_us_ += result.virtual_us;
  steps_ += result.steps;
  messages_ += result.messages;
  message_bytes_ += result.message_bytes;
  writes_ += result.writes;
  if (result.failure) failures_[outcome.seed] = *result.failure;
  for (const auto& [name, count] : result.marks) {
    marks_[name] += count;
    mark_seeds_[name] += count > 0 ? 1 : 0;
  }
}

std::int64_t Tally::real_us(double share) const {
  if (real_us_.empty()) return 0;
  std::vector<std::int64_t> sorted = real_us_;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  const std::size_t at = std::clamp<std::size_t>(rank, 1, sorted.size()) - 1;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(at), sorted.end());
  return sorted[at];
}

double Tally::ratio() const {
  return sum_real_us_ == 0 ? 0 : static_cast<double>(virtual_us_) / static_cast<double>(sum_real_us_);
}

double Tally::processor_ratio() const {
  return processor_us_ == 0 ? 0 : static_cast<double>(virtual_us_) / static_cast<double>(processor_us_);
}

std::string Tally::summary() const {
  std::string out = "seeds       " + with_commas(seeds()) + "\n";
  out += "failures    " + with_commas(failures_.size()) + "\n";
  for (const Law& law : laws()) {
    const auto count =
        std::count_if(failures_.begin(), failures_.end(), [&](const auto& it) { return it.second.law == law.letter; });
    if (count > 0) {
      out += "  " + with_commas(static_cast<std::uint64_t>(count)) + " of law " + law_words(law.letter) + "\n";
    }
  }
  out += "real time   " + span_words(real_us(0.5)) + " a seed (median), " + span_words(real_us(0.99)) +
         " (99 of 100 take less)\n";
  out += "ratio       " + span_words(virtual_us_) + " of virtual time, " +
         with_commas(static_cast<std::uint64_t>(ratio())) + " times real time on one core\n";
  out += "traffic     " + counted(messages_, "message") + ", " + one_digit(static_cast<double>(message_bytes_) / 1e6) +
         " MB\n";
  out += "writes      " + with_commas(writes_) + " acknowledged\n";
  return out;
}

std::string failure_line(std::uint64_t seed, const Failure& failure, const CommandLine& line) {
  std::string text = one_line(failure.text);
  if (text.size() > kTextBytesMax) text = text.substr(0, kTextBytesMax) + " ...";
  return "FAILED seed " + std::to_string(seed) + "  law " + failure.law + "  at " + time_words(failure.at_us) + "  " +
         text + "  -- " + again_words(seed, line) + "\n";
}

std::string Tally::failure_lines(const CommandLine& line) const {
  std::string out;
  for (const auto& [seed, failure] : failures_) out += failure_line(seed, failure, line);
  return out;
}

std::string Tally::mark_lines() const {
  std::map<std::string, std::uint64_t> all = mark_seeds_;
  for (const Mark& mark : required_marks()) all[std::string(mark.name)] += 0;
  std::size_t width = 0;
  for (const auto& [name, count] : all) width = std::max(width, name.size());
  std::string out = "marks       in how many seeds each situation was met, and how often; * must be met\n";
  for (const auto& [name, count] : all) {
    const bool required = std::any_of(required_marks().begin(), required_marks().end(),
                                      [&n = name](const Mark& mark) { return mark.name == n; });
    const auto times = marks_.find(name);
    std::string seeds = with_commas(count);
    if (seeds.size() < 10) seeds.insert(0, 10 - seeds.size(), ' ');
    out += std::string("  ") + (required ? "* " : "  ") + name + std::string(width - name.size(), ' ') + seeds + "  " +
           with_commas(times == marks_.end() ? 0 : times->second) + "\n";
  }
  return out;
}

}  // namespace kith::sim::tool
