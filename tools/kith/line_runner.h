// tools/kith/line_runner.h -- one line of the shell or of a script: split, understood, run.
//
//     COMMAND ...            as on the command line
//     at NODE COMMAND ...    the same, asked of another node (name or HOST:PORT)
//     use TABLE              from now on
//     connect HOST[:PORT]    from now on
//     help [COMMAND]
//     SET KEY VALUE, ..      tools/kith/shell_words.h, when the connections rove
//     \VERB ...              goes to the extension, when there is one (kith demo)
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/kith/command.h"

namespace kith::tools {

// What `kith demo` adds to the shell.
struct LineExtension {
  std::function<ExitCode(const std::vector<std::string>& words, const Console& console)> run;  // Without backslash.
  std::vector<std::string> verbs;
  std::string help;
};

class LineRunner {
 public:
  LineRunner(Settings settings, Connections& connections, const LineExtension* extension, bool interactive)
      : settings_(std::move(settings)), connections_(connections), extension_(extension), interactive_(interactive) {}

  // Lines go to the node that the roving client of the connections is at, from now on; `before_outcome` is called when an answer came
  // and is not told yet.  REQUIRES: connections.roving().
  void follow(std::function<void()> before_outcome = {});

  // Throws CommandError and ClientError.  An empty line or a comment is kOk.
  ExitCode run(std::string_view line, const Console& console);
  ExitCode run_words(const std::vector<std::string>& words, const Console& console);

  // The same, but errors are printed on console.err and become their exit code.
  ExitCode run_and_report(std::string_view line, const Console& console);

  const Settings& settings() const { return settings_; }

  static const std::vector<std::string>& own_words();  // at, use, ...: for completion.

 private:
  void go_where_it_is();
  ExitCode run_with(const Settings& settings, const std::vector<std::string>& words, const Console& console);
  ExitCode run_help(const std::vector<std::string>& words, const Console& console);
  ExitCode run_at(const Settings& settings, const std::vector<std::string>& words, const Console& console);
  ExitCode run_extension(const std::vector<std::string>& words, const Console& console);

  Settings settings_;
  Connections& connections_;
  const LineExtension* extension_;
  bool interactive_;
  bool follows_ = false;
  std::function<void()> before_outcome_;
};

// What any place that runs commands does about an exception: prints "kith: what" and gives the exit code.
ExitCode report(const Console& console, const std::exception& error);

}  // namespace kith::tools
