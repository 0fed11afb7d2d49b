#include "tests/soak/options.h"

#include <CLI/CLI.hpp>

#include "node/config.h"

namespace kith::soak {
namespace {

constexpr const char* kAbout =
    "Runs a cluster of real kithd on this machine, kills, stops, cuts and sets back its nodes, writes all the while through the client\n"
    "library, and judges in the end whether everything that was promised is there.  tests/soak/README.md tells what is promised.\n";
constexpr const char* kFooter =
    "Examples:\n"
    "  kith-soak                                        20 seconds: a dozen kills\n"
    "  kith-soak --minutes 120                          540 kills, 1,400,000 writes\n"
    "  kith-soak --minutes 15 --seed 7 --dir /tmp/soak  that plan again; data and logs stay there\n\n"
    "The seed draws the plan of faults, not how long processes and disks take: the same seed gives the same plan, not the same run.\n"
    "Exit codes: 0 all was kept, 1 something was found, 2 the command line makes no sense, 130 interrupted and all was kept so far.\n";

}  // namespace

std::variant<SoakOptions, NoRun> parse_options(const std::vector<std::string>& arguments, std::uint64_t drawn) {
  SoakOptions out;
  out.seed = drawn;
  std::string window;
  CLI::App app(kAbout, "kith-soak");
  app.set_help_flag("-h,--help", "print this help and exit");
  app.footer(kFooter);
  app.add_option("--minutes", out.minutes, "how long to write and break")->check(CLI::Range(0.05, 10'000.0));
  app.add_option("--seed", out.seed, "of the plan of faults and of what is written; drawn, and told, unless given");
  app.add_option("--nodes", out.nodes, "processes")->check(CLI::Range(3, 9));
  app.add_option("--kills", out.kills, "SIGKILLs at least; 4.5 a minute unless given")->check(CLI::Range(1, 1'000'000));
  app.add_option("--writes", out.writes, "acknowledged writes to aim at; 200 a second unless given")->check(CLI::Range(1.0, 1e10));
  app.add_option("--writers", out.writers, "client sessions, each a thread")->check(CLI::Range(1, 64));
  app.add_option("--settle", out.settle_minutes, "minutes between two verdicts")->check(CLI::Range(0.05, 10'000.0));
  app.add_option("--retry-window", window, "of the cluster, as in 30s; a sixth of the run, 4s to 1m, unless given");
  app.add_option("--dir", out.directory, "of data and logs, new or empty; they stay. A temporary one, unless given");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return NoRun{0, app.help()};
  } catch (const CLI::ParseError& error) {
    return NoRun{2, "kith-soak: " + std::string(error.what()) + "; see kith-soak --help\n"};
  }
  if (!window.empty()) {
    const auto ms = parse_duration_ms(window);
    if (!ms || *ms < 2'000 || *ms > 3'600'000) return NoRun{2, "kith-soak: --retry-window: \"" + window + "\" is no duration from 2s to 1h\n"};
    out.retry_window_ms = *ms;
  }
  out.keep = !out.directory.empty();
  return out;
}

}  // namespace kith::soak
