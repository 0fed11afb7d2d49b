// tools/demo/script.h -- a script of `kith demo`: a story that is told, carried out and checked, line by line.
//
//     = HEADING
//     : A sentence for the reader.
//     tag NAME                       mints a tag; $NAME stands for it in later lines
//     COMMAND / at NODE COMMAND      as in the shell; has to succeed
//     \VERB ...                      as in the shell of the demo
//     expect "TEXT" COMMAND          prints exactly TEXT (lines joined by blanks)
//     expect has "TEXT" COMMAND      TEXT is in what it prints
//     expect exit N COMMAND          ends with exit code N
//     # for the writer of the script
//
// Every line that does something says on one line what came out, with a check mark; where something was expected and
// did not happen, what was expected and what was seen, with the line's number, and the script ends there.
// The reference for writers is docs/CLI.md.
#pragma once

#include <istream>
#include <map>
#include <string>

#include "tools/kith/line_runner.h"

namespace kith::tools {

class Script {
 public:
  // `variables` may be set by verbs while the script runs.
  Script(std::string name, LineRunner& runner, Connections& connections, const Console& console,
         std::map<std::string, std::string>& variables)
      : name_(std::move(name)), runner_(runner), connections_(connections), console_(console), variables_(variables) {}

  // kOk when every line did what it should.
  ExitCode run(std::istream& in);

 private:
  struct Expectation {
    enum class What { kSuccess, kText, kPart, kExit } what = What::kSuccess;
    std::string text;
    int exit = 0;
  };
  struct Seen {
    std::string text;  // What was printed, lines joined by blanks.
    std::string lines; // The same as it was.
    std::string errors;
    ExitCode code = ExitCode::kOk;
  };

  void run_line(const std::string& line);
  void run_verb(const std::string& line);
  void run_words(std::vector<std::string> words);
  Expectation take_expectation(std::vector<std::string>& words) const;
  Seen execute(const std::vector<std::string>& words) const;
  void mint_tag(const std::vector<std::string>& words);
  void replace_variables(std::vector<std::string>& words) const;

  std::string name_;
  LineRunner& runner_;
  Connections& connections_;
  const Console& console_;
  std::map<std::string, std::string>& variables_;
  std::uint64_t checks_ = 0;
};

// "  ✓ WHAT", or with a cross.
void print_check(const Console& console, bool good, const std::string& what);

}  // namespace kith::tools
