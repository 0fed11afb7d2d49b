// tools/kith/exit_code.h -- how `kith` ends, and the one exception its commands throw.
//
// The numbers are an interface: scripts branch on them, `kith --help` prints them, tests/tools/exit_code_test.cc pins
// them.
#pragma once

#include <stdexcept>
#include <string>

namespace kith::tools {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,         // Refused by the node, or failed.  Of `diff`: the two differ; of `verify`: damaged.
  kUsage = 2,          // The command line (or a line of a script) makes no sense.  Of `verify`: it could not be read.
  kNotFound = 3,       // No such key, field or element.
  kCannotConnect = 4,  // Nobody answers at that address.
  kTimeout = 5,        // No answer in time, or not yet at the level asked for.  A write may have happened.
  kNotAllowed = 6,     // The node does not permit this.
};

// What a command says when it ends early: for people, without a full stop at its end when it is one sentence.
class CommandError : public std::runtime_error {
 public:
  CommandError(ExitCode code, const std::string& what) : std::runtime_error(what), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace kith::tools
