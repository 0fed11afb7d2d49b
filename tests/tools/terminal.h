// tests/tools/terminal.h -- the real `kith` on a terminal of its own: what a person types, and what stands there then.
//
// Ends what it started, by pid, when it is destroyed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/node/temporary_directory.h"

namespace kith {

class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& arguments);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  bool type(const std::string& text);
  // Types a line, and waits for the next prompt.
  bool say(const std::string& line);
  // Until the screen ends with this, half a minute at most.
  bool ends_with(const std::string& text);
  bool shows(const std::string& text);
  // All that was ever on it, without carriage returns.
  const std::string& screen() const { return screen_; }
  int wait_exit();  // -1: by a signal, or it had to be killed.

 private:
  bool read_more(std::chrono::milliseconds most);
  template <class Condition>
  bool until(Condition done);

  TemporaryDirectory home_;
  int fd_ = -1;
  pid_t pid_ = -1;
  std::string screen_;
};

}  // namespace kith
