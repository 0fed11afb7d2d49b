#include "tools/demo/script.h"

#include <ostream>
#include <sstream>

#include "crdt/tag.h"
#include "node/client.h"
#include "node/view/connections.h"
#include "node/view/text.h"
#include "tools/kith/words.h"

namespace kith::tools {
namespace {

constexpr std::size_t kLinesShown = 12;

[[noreturn]] void usage_error(const std::string& what) { throw CommandError(ExitCode::kUsage, what); }

std::string joined_lines(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    out += (out.empty() ? "" : " ") + line;
  }
  return out;
}

std::string text_of(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + kith::quoted(word);
  return out;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

void print_indented(const Console& console, const std::string& lines) {
  std::istringstream in(lines);
  std::size_t shown = 0;
  std::size_t left_out = 0;
  for (std::string line; std::getline(in, line);) {
    if (shown == kLinesShown) {
      ++left_out;
    } else {
      console.out << "      " << line << '\n';
      ++shown;
    }
  }
  if (left_out > 0)
    console.out << console.paint(Color::kFaint, "      and " + count_of(left_out, "line", "lines") + " more") << '\n';
}

}  // namespace

void print_check(const Console& console, bool good, const std::string& what) {
  console.out << "  " << (good ? console.paint(Color::kGood, "✓") : console.paint(Color::kBad, "✗")) << ' ' << what
              << '\n'
              << std::flush;
}

ExitCode Script::run(std::istream& in) {
  std::string line;
  for (std::uint64_t number = 1; std::getline(in, line); ++number) {
    try {
      run_line(trimmed(line));
    } catch (const std::exception& error) {
      console_.err << name_ << ", line " << number << ": " << trimmed(line) << '\n';
      return report(console_, error);
    }
  }
  console_.out << '\n'
               << console_.paint(Color::kGood, count_of(checks_, "step", "steps") + ", each with the result expected")
               << '\n'
               << std::flush;
  return ExitCode::kOk;
}

void Script::run_line(const std::string& line) {
  if (line.empty() || line[0] == '#') return;
  if (line[0] == '=') {
    console_.out << '\n' << console_.paint(Color::kHeading, trimmed(line.substr(1))) << '\n' << std::flush;
    return;
  }
  if (line[0] == ':') {
    console_.out << "  " << trimmed(line.substr(1)) << '\n' << std::flush;
    return;
  }
  ++checks_;
  if (line[0] == '\\') {
    runner_.run(line, console_);  // Verbs say themselves what they expect and see.
    return;
  }
  auto split = split_words(line);
  if (const auto* error = std::get_if<WordsError>(&split)) usage_error(error->message);
  run_words(std::move(std::get<std::vector<std::string>>(split)));
}

void Script::run_words(std::vector<std::string> words) {
  if (words.empty()) return;
  if (words[0] == "tag") return mint_tag(words);
  replace_variables(words);
  const Expectation expected = take_expectation(words);
  if (words.empty()) usage_error("expect needs a command behind what is expected");
  const Seen seen = execute(words);
  const std::string command = text_of(words);
  const std::string saw = seen.text.empty() ? "nothing" : "\"" + cut_to_width(seen.text, 100) + "\"";
  bool good = false;
  std::string wanted;
  switch (expected.what) {
    case Expectation::What::kSuccess:
      good = seen.code == ExitCode::kOk;
      wanted = "success";
      break;
    case Expectation::What::kText:
      good = seen.text == expected.text;
      wanted = expected.text.empty() ? "nothing" : "\"" + expected.text + "\"";
      break;
    case Expectation::What::kPart:
      good = seen.text.find(expected.text) != std::string::npos;
      wanted = "\"..." + expected.text + "...\"";
      break;
    case Expectation::What::kExit:
      good = static_cast<int>(seen.code) == expected.exit;
      wanted = "exit code " + std::to_string(expected.exit);
      break;
  }
  const bool one_line = seen.lines.find('\n') + 1 >= seen.lines.size();
  if (expected.what == Expectation::What::kSuccess && good) {
    print_check(console_, true,
                command + (one_line && !seen.text.empty() ? console_.paint(Color::kFaint, "  → " + seen.text) : ""));
  } else {
    const bool by_exit = expected.what == Expectation::What::kExit || expected.what == Expectation::What::kSuccess;
    print_check(console_, good, command + console_.paint(Color::kFaint, "  expected ") + wanted +
                                    console_.paint(Color::kFaint, ", saw ") +
                                    (by_exit ? "exit code " + std::to_string(static_cast<int>(seen.code)) : saw));
  }
  if (!one_line && expected.what != Expectation::What::kText) print_indented(console_, seen.lines);
  if (!good) {
    if (!seen.errors.empty()) print_indented(console_, seen.errors);
    throw CommandError(ExitCode::kFailed, "expected " + wanted + ", saw " + saw + " and exit code " +
                                              std::to_string(static_cast<int>(seen.code)));
  }
}

Script::Expectation Script::take_expectation(std::vector<std::string>& words) const {
  Expectation expected;
  if (words[0] != "expect") return expected;
  if (words.size() < 2)
    usage_error("expect what? expect \"TEXT\" COMMAND, expect has \"TEXT\" COMMAND or expect exit N COMMAND");
  std::size_t used = 2;
  if ((words[1] == "has" || words[1] == "exit") && words.size() >= 4) {
    used = 3;
    expected.what = words[1] == "has" ? Expectation::What::kPart : Expectation::What::kExit;
    expected.text = words[2];
    if (expected.what == Expectation::What::kExit) {
      const auto number = number_from(words[2]);
      if (!number || *number > 255) usage_error("\"" + escaped(words[2]) + "\" is no exit code");
      expected.exit = static_cast<int>(*number);
    }
  } else {
    expected.what = Expectation::What::kText;
    expected.text = words[1];
  }
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(used));
  return expected;
}

Script::Seen Script::execute(const std::vector<std::string>& words) const {
  std::ostringstream out;
  std::ostringstream errors;
  const Console quiet{.out = out, .err = errors};
  Seen seen;
  try {
    seen.code = runner_.run_words(words, quiet);
  } catch (const CommandError& error) {
    if (error.code() == ExitCode::kUsage) throw;  // The script's own mistake, never a result.
    seen.code = report(quiet, error);
  } catch (const ClientError& error) {
    seen.code = report(quiet, error);
  } catch (const UnknownNode& error) {
    seen.code = report(quiet, error);
  }
  seen.lines = out.str();
  seen.text = joined_lines(seen.lines);
  seen.errors = errors.str();
  return seen;
}

void Script::mint_tag(const std::vector<std::string>& words) {
  if (words.size() != 2) usage_error("tag needs one name: tag NAME");
  const Settings& settings = runner_.settings();
  Client& client = connections_.to(settings.address(), std::chrono::milliseconds(settings.timeout_ms));
  variables_[words[1]] = to_string(client.mint_tag());
  print_check(console_, true, "tag " + words[1] + console_.paint(Color::kFaint, "  → " + variables_[words[1]]));
}

void Script::replace_variables(std::vector<std::string>& words) const {
  for (std::string& word : words) {
    if (word.size() < 2 || word[0] != '$') continue;
    const auto found = variables_.find(word.substr(1));
    if (found == variables_.end()) usage_error("nothing has set " + escaped(word) + "; `tag NAME` sets $NAME");
    word = found->second;
  }
}

}  // namespace kith::tools
