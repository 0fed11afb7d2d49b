// tools/kith/line_editor.h -- a line from a person at a terminal: editing, history, completion (libedit).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kith::tools {

class LineEditor {
 public:
  // The words that could stand where the cursor is, given those before it on the line.
  using Candidates = std::function<std::vector<std::string>(const std::vector<std::string>& before)>;

  // While nobody types: returns what is to be shown above the line at hand; nothing: standard input is readable.
  using Idle = std::function<std::optional<std::string>()>;

  // Reads the history from `history_file`, and adds to it; empty: no history.  REQUIRES: standard input is a terminal.
  LineEditor(std::string history_file, Candidates candidates);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  void while_idle(Idle idle);

  // Nothing at the end of input.  Ctrl-C throws the line away and gives an empty one.
  std::optional<std::string> read(const std::string& prompt);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::tools
