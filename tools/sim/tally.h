// tools/sim/tally.h -- what a sweep adds up over its seeds, and how that reads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/sim/options.h"
#include "tools/sim/outcome.h"

namespace kith::sim::tool {

class Tally {
 public:
  void add(const Outcome& outcome);

  std::uint64_t seeds() const { return real_us_.size(); }
  const std::map<std::uint64_t, Failure>& failures() const { return failures_; }  // By seed.
  std::int64_t real_us(double share) const;  // Of the seeds, so large a share took at most this.
  double ratio() const;                      // Virtual over real time, on one core.
  double processor_ratio() const;            // The same over time of the processor.
  std::int64_t virtual_us() const { return virtual_us_; }
  std::int64_t real_us() const { return sum_real_us_; }
  std::uint64_t steps() const { return steps_; }
  std::uint64_t messages() const { return messages_; }
  std::uint64_t writes() const { return writes_; }
  const std::map<std::string, std::uint64_t>& marks() const { return marks_; }  // How often each was met.

  std::string summary() const;  // Lines.
  std::string failure_lines(const CommandLine& line) const;
  std::string mark_lines() const;  // All marks, and in how many seeds.

 private:
  std::vector<std::int64_t> real_us_;
  std::map<std::uint64_t, Failure> failures_;
  std::map<std::string, std::uint64_t> marks_;
  std::map<std::string, std::uint64_t> mark_seeds_;
  std::int64_t virtual_us_ = 0, sum_real_us_ = 0, processor_us_ = 0;
  std::uint64_t steps_ = 0, messages_ = 0, message_bytes_ = 0, writes_ = 0;
};

std::string failure_line(std::uint64_t seed, const Failure& failure, const CommandLine& line);

}  // namespace kith::sim::tool
