#include "tools/sim/options.h"

#include <CLI/CLI.hpp>

#include <charconv>

#include "sim/marks.h"
#include "sim/spelling.h"
#include "tools/sim/exit_code.h"

namespace kith::sim::tool {
namespace {

constexpr unsigned kJobsMax = 256;
constexpr int kWordsMax = 1 << 20;  // Files or seeds; CLI11 wants a number.

[[noreturn]] void usage_error(const std::string& what) { throw ToolError(kBadInput, what); }

std::optional<std::uint64_t> whole(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint64_t seed_of(const std::string& text, const std::string& what) {
  if (const auto seed = whole(text)) return *seed;
  usage_error(what + ": \"" + text + "\" is no seed; give a whole number from 0 to 18446744073709551615");
}

SeedRange range_of(const std::string& text) {
  const std::size_t dots = text.find("..");
  const auto first = dots == std::string::npos ? std::optional<std::uint64_t>(1) : whole(text.substr(0, dots));
  const auto last = whole(dots == std::string::npos ? text : text.substr(dots + 2));
  if (!first || !last) usage_error("--seeds: \"" + text + "\" is no range of seeds; say 1..2000, or 2000 for the same");
  if (*first > *last) {
    usage_error("--seeds: \"" + text + "\" ends before it begins; say " + std::to_string(*last) + ".." +
                std::to_string(*first));
  }
  return {.first = *first, .last = *last};
}

// Where an option's text goes before it is understood.
struct Raw {
  std::string seed, drawn, range, fresh, faults = "50", jobs = "2", minutes, runs_max = "5000", nodes_min = "2";
  std::vector<std::string> words;  // Files or seeds.
};

template <class Number>
Number number_of(const std::string& option, const std::string& text, Number least, Number most) {
  const auto value = whole(text);
  if (!value || *value < least || *value > most) {
    usage_error(option + ": \"" + text + "\" is not a whole number from " + std::to_string(least) + " to " +
                std::to_string(most));
  }
  return static_cast<Number>(*value);
}

double minutes_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value > 0 && value <= 1e6) return value;
  usage_error("--minutes: \"" + text + "\" is not a number above 0; say 5, or 0.5 for half a minute");
}

std::string examples(const std::string& program) {
  constexpr std::pair<const char*, const char*> kExamples[] = {
      {"run sim/scenarios/two_sites.toml", "what happens when two sites are cut apart"},
      {"run sim/scenarios/two_sites.toml --trace", "the same, with a line for everything that happens"},
      {"run sim/scenarios/*.toml --report out", "a report with pictures of each"},
      {"sweep --seeds 1..2000", "2,000 drawn histories; are all laws kept?"},
      {"sweep --fresh 1000000 --minutes 60", "an hour of histories that nobody has seen before"},
      {"run --drawn 17", "one of them again, exactly as it was"},
      {"run --drawn 17 --print > 17.toml", "the same as a file, to read and change"},
      {"shrink 17 --out failing.toml", "a failing one, cut down to what is needed"},
  };
  constexpr std::size_t kWidth = 45;
  std::string out = "Examples:\n";
  for (const auto& [words, about] : kExamples) {
    const std::string_view text(words);
    out += "  " + program + " " + std::string(text) + std::string(kWidth - text.size(), ' ') + about + "\n";
  }
  return out +
         "\nExit codes: 0 all laws were kept, 1 one was broken, 2 the command line or a scenario makes no sense,\n"
         "130 interrupted.  The laws, and the form of scenario files: docs/SIMULATION.md\n";
}

const char* const kAbout =
    "Runs Kith's real engine on simulated networks, disks and clocks, injects faults, and says which law was broken.\n"
    "Everything is drawn from one number, the seed: the same seed gives the same history, to the last bit.\n";

class Parser {
 public:
  explicit Parser(const Extras& extras) : extras_(extras), app_(kAbout, extras.program) {
    app_.require_subcommand(0, 1);
    app_.set_help_flag("-h,--help", "print this help and exit");
    app_.get_formatter()->column_width(28);
    add_run();
    add_sweep();
    add_shrink();
    add_bench();
    add_hash();
    for (const ExtraCommand& extra : extras.commands) app_.add_subcommand(extra.name, extra.about);
    app_.footer(examples(extras.program));  // Last: subcommands would inherit it.
  }

  std::variant<CommandLine, HelpText> parse(const std::vector<std::string>& words) {
    if (words.empty()) return HelpText{app_.help()};
    try {
      app_.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
      const auto used = app_.get_subcommands();
      return HelpText{used.empty() ? app_.help() : used.front()->help(extras_.program)};
    } catch (const CLI::ParseError& error) {
      const auto used = app_.get_subcommands();
      usage_error(std::string(error.what()) + "; see " + extras_.program +
                  (used.empty() ? "" : " " + used.front()->get_name()) + " --help");
    }
    const auto used = app_.get_subcommands();
    if (used.empty()) {
      usage_error("say what to do: run, sweep, shrink, bench, hash; see " + extras_.program + " --help");
    }
    understand(used.front()->get_name());
    return line_;
  }

 private:
  CLI::App* add(const std::string& name, const std::string& about) {
    CLI::App* command = app_.add_subcommand(name, about);
    command->set_help_flag("-h,--help", "print this help and exit");
    command->get_formatter()->column_width(28);
    if (extras_.plant != nullptr) {
      option(command, "--plant", line_.plant, "NAME", "plant this fault in the engine first");
    }
    return command;
  }

  static CLI::Option* option(CLI::App* command, const char* name, std::string& text, const char* type,
                             const std::string& about) {
    return command->add_option(name, text, about)->type_name(type);
  }

  // How a history is drawn from a seed.
  void add_draw(CLI::App* command, bool typical) {
    option(command, "--faults", raw_.faults, "PERCENT", "drawn: each kind of fault is in this share of histories [50]");
    command->add_flag_function("--collect,!--no-collect", [this](std::int64_t times) { line_.collect = times > 0; },
                               "drawn: removals are collected, members evicted; or not (else in half of the seeds)");
    command->add_flag("--drain", line_.drain, "drawn: nodes are told to leave the cluster as well, and collect");
    command->add_flag("--observers", line_.observers, "drawn: some nodes are observers, which count for nothing");
    if (!typical) return;
    command->add_flag("--typical", line_.typical, "drawn: as `bench` draws, five nodes and half of all faults");
  }
  void add_check_messages(CLI::App* command) {
    command->add_flag("--check-messages", line_.check_messages,
                      "look into every message for what its sender does not hold (slower)");
  }

  void add_run() {
    CLI::App* command = add("run", "run scenarios from files, or one drawn from a seed, and tell what happened");
    CLI::Option* files = command->add_option("FILE", raw_.words, "scenarios, as in sim/scenarios/*.toml");
    files->type_name("...")->expected(0, kWordsMax);
    option(command, "--seed", raw_.seed, "N", "run it with this seed instead of the file's");
    option(command, "--drawn", raw_.drawn, "N", "instead of a file: the history that a sweep draws for this seed");
    add_draw(command, true);
    command->add_flag("--trace", line_.trace, "print a line for everything that happens");
    command->add_flag("--print", line_.print, "print the scenario as a file, do not run it");
    option(command, "--report", line_.report_directory, "DIR",
           "write NAME.html, .json and .svg there: pictures, figures");
    add_check_messages(command);
    command->add_flag("--in-process", line_.in_process, "do not fork, so that a debugger sees an assertion fail");
    command->footer("Exit codes: 0 all laws were kept, 1 one was broken, 2 the input makes no sense.\n");
  }

  void add_sweep() {
    CLI::App* command = add("sweep", "run very many drawn histories, and list those that broke a law");
    option(command, "--seeds", raw_.range, "A..B", "which seeds: A..B, or N for 1..N [1..500]");
    option(command, "--fresh", raw_.fresh, "N", "so many seeds that nobody has seen before; prints the first");
    option(command, "--minutes", raw_.minutes, "N", "start no further seed after so long");
    option(command, "--jobs", raw_.jobs, "N", "worker processes [2]");
    add_draw(command, false);
    add_check_messages(command);
    command->add_flag("--twice", line_.twice, "run each seed twice; both must be the same history (law T)");
    command->add_flag("--hashes", line_.hashes, "print only SEED HASH lines, to compare two builds");
    command->add_flag("--marks", line_.marks, "list all situations, and in how many seeds each was met");
    command->add_flag("--first-failure", line_.first_failure, "stop at the first failure");
    command->add_flag("--keep-going", keep_going_, "do not (the default)");
    command->footer(
        "From " + std::to_string(kSeedsForMarks) + " seeds on, a sweep also fails when it never met a " +
        "situation it must meet: then it would\nprove nothing about it.  Ctrl-C ends it, with the summary.\n");
  }

  void add_shrink() {
    CLI::App* command = add("shrink", "cut a failing history down to a short one that fails by the same law");
    CLI::Option* what = command->add_option("WHAT", raw_.words, "a seed, as a sweep names it, or a scenario file");
    what->type_name("SEED|FILE")->required()->expected(1);
    option(command, "--seed", raw_.seed, "N", "of a file: this seed instead of its own");
    option(command, "--out", line_.out, "FILE", "write the result there instead of printing it");
    option(command, "--runs", raw_.runs_max, "N", "try at most so many histories [5000]");
    option(command, "--nodes-min", raw_.nodes_min, "N", "leave at least so many nodes [2]");
    option(command, "--like", line_.like, "TEXT", "only a failure whose text has this in it is the same one");
    add_draw(command, true);
    add_check_messages(command);
    command->footer(
        "A shorter history may break the same law for another reason; then say what the text must have:\n  " +
        extras_.program + " shrink 82 --like 'the clocks of shard' --out failing.toml\n");
  }

  void add_bench() {
    CLI::App* command = add("bench", "measure how much faster than real time histories run: 1,000 times is promised");
    option(command, "--seeds", raw_.range, "A..B", "which seeds [1..100]");
    command->add_flag("--json", line_.json, "print figures for machines");
  }

  void add_hash() {
    CLI::App* command = add("hash", "print the hash of each seed's history: equal hashes, equal histories");
    command->add_option("SEED", raw_.words, "seeds")->type_name("...")->required()->expected(1, kWordsMax);
    add_draw(command, false);
  }

  void understand(const std::string& name) {
    line_.program = extras_.program;
    line_.faults_percent = number_of<std::uint32_t>("--faults", raw_.faults, 0, 100);
    if (!raw_.seed.empty()) line_.seed = seed_of(raw_.seed, "--seed");
    if (name == "run") return understand_run();
    if (name == "sweep") return understand_sweep();
    if (name == "shrink") return understand_shrink();
    if (name == "hash") {
      line_.command = CommandLine::Command::kHash;
      for (const std::string& word : raw_.words) line_.seeds.push_back(seed_of(word, "hash"));
      return;
    }
    line_.command = CommandLine::Command::kBench;
    line_.range = raw_.range.empty() ? SeedRange{.first = 1, .last = 100} : range_of(raw_.range);
    line_.jobs = 1;
  }

  void understand_run() {
    line_.command = CommandLine::Command::kRun;
    line_.files = raw_.words;
    if (!raw_.drawn.empty()) line_.seeds.push_back(seed_of(raw_.drawn, "--drawn"));
    if (line_.files.empty() && line_.seeds.empty()) usage_error("run: give a scenario file, or --drawn SEED");
    if (!line_.files.empty() && !line_.seeds.empty()) usage_error("run: give files or --drawn, not both");
    if (line_.seed && !line_.seeds.empty()) usage_error("run: --drawn N runs with seed N; --seed is for files");
    if (line_.typical && line_.seeds.empty()) usage_error("run: --typical is for --drawn");
  }

  void understand_sweep() {
    line_.command = CommandLine::Command::kSweep;
    if (!raw_.range.empty() && !raw_.fresh.empty()) usage_error("sweep: give --seeds or --fresh, not both");
    if (!raw_.range.empty()) line_.range = range_of(raw_.range);
    if (!raw_.fresh.empty()) line_.fresh = number_of<std::uint64_t>("--fresh", raw_.fresh, 1, 1'000'000'000'000);
    if (!raw_.minutes.empty()) line_.minutes = minutes_of(raw_.minutes);
    line_.jobs = number_of<unsigned>("--jobs", raw_.jobs, 1, kJobsMax);
  }

  void understand_shrink() {
    line_.command = CommandLine::Command::kShrink;
    line_.runs_max = number_of<std::uint64_t>("--runs", raw_.runs_max, 1, 100'000'000);
    line_.nodes_min = number_of<std::uint64_t>("--nodes-min", raw_.nodes_min, 1, 1'000'000);
    if (const auto seed = whole(raw_.words.front())) {
      line_.seeds = {*seed};
      if (line_.seed) usage_error("shrink: --seed is for files; a drawn history runs with the seed it is drawn from");
    } else {
      line_.files = raw_.words;
      if (line_.typical) usage_error("shrink: --typical is for seeds, not for files");
    }
  }

  const Extras& extras_;
  CLI::App app_;
  CommandLine line_;
  Raw raw_;
  bool keep_going_ = false;
};

}  // namespace

std::variant<CommandLine, HelpText> parse_command_line(const std::vector<std::string>& words, const Extras& extras) {
  return Parser(extras).parse(words);
}

}  // namespace kith::sim::tool
