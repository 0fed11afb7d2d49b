// tools/sim_mutants/child.h -- a piece of work in a process of its own, and what it has to say.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace kith::tools {

struct Child {
  pid_t process = -1;
  int pipe = -1;         // Ends when the child does.
};

// Runs `work` in a child, which ends when it returns.  What it returns, and before that whatever is said on standard
// error when `with_errors`, comes through the pipe.  Throws std::system_error when no process or pipe can be had.
Child start_child(const std::function<std::string()>& work, bool with_errors);

// What the child said, to its end.
struct Ended {
  std::string said;
  int signal = 0;        // That ended it; zero: it returned.
};
Ended wait_for(const Child& child);

}  // namespace kith::tools
