// tools/sim/child.h -- a forked copy of this process that answers requests: an assertion ends it, and not us.
//
//     parent --ask(request)--> child: serve(request) --answer()--> parent
//
// What the child prints on stderr is kept aside (a file in memory), so that the parent can say why it died.  A child
// ends with its parent, and ignores Ctrl-C: that is the parent's to decide.  Tests: tests/sim/child_test.cc
// REQUIRES: one thread at the time of fork.  Errors of the machine (no process, no memory): std::system_error.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace kith::sim::tool {

class Child {
 public:
  using Serve = std::function<std::string(const std::string& request)>;

  explicit Child(Serve serve);
  ~Child();  // Ends it by its id, at once, and waits for its end.
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void ask(const std::string& request);       // One at a time.  To a child that died: nothing; answer() tells.
  std::optional<std::string> answer();        // Waits for it.  Nothing: it died.
  bool wait(std::int64_t limit_us) const;     // For an answer or its death; false: neither came in time.
  void end();                                 // At once.
  int descriptor() const { return socket_; }  // Readable when there is an answer, or when it died.

  // How it died: its last words in one line, or the signal.  All that it printed: `everything`.  Waits for its end.
  std::string last_words(std::string* everything = nullptr);

 private:
  [[noreturn]] static void live(int socket, const Serve& serve) noexcept;
  void reap();

  pid_t id_ = -1;
  int socket_ = -1;
  int errors_ = -1;
  int status_ = 0;
};

}  // namespace kith::sim::tool
