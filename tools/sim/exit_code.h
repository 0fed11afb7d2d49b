// tools/sim/exit_code.h -- how `kith-sim` ends, and the one exception its commands throw.
//
// The numbers are an interface: continuous integration branches on them.  Tests: tests/sim/tool_test.cc
#pragma once

#include <stdexcept>
#include <string>

namespace kith::sim::tool {

inline constexpr int kAllHeld = 0;
inline constexpr int kBroken = 1;    // A law was broken, or a sweep missed a mark, or the tool could not do its work.
inline constexpr int kBadInput = 2;  // The command line or a scenario makes no sense.
inline constexpr int kInterrupted = 130;  // By Ctrl-C, before anything was broken.

class ToolError : public std::runtime_error {
 public:
  ToolError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

}  // namespace kith::sim::tool
