// tools/sim/progress.h -- how far long work has come, on stderr: a bar on a terminal, else a line every ten seconds.
#pragma once

#include <cstdint>
#include <string>

namespace kith::sim::tool {

class Progress {
 public:
  // `all` of `noun` at most, for at most `limit_us` of real time (0: no limit).
  Progress(std::string noun, std::uint64_t all, std::int64_t limit_us = 0);
  ~Progress();  // Takes the bar away.

  void show(std::uint64_t done, const std::string& more, bool now = false);
  void line(const std::string& text);  // Above the bar; ends itself.
  std::int64_t elapsed_us() const;

 private:
  void clear();

  const std::string noun_;
  const std::uint64_t all_;
  const std::int64_t limit_us_;
  const std::int64_t began_us_;
  const bool terminal_;
  std::int64_t shown_us_ = 0;
  bool bar_ = false;
};

}  // namespace kith::sim::tool
