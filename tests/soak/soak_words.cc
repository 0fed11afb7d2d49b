#include "tests/soak/soak_words.h"

#include <stdio.h>
#include <sys/wait.h>

#include <cstdint>
#include <iomanip>
#include <sstream>
#include <stdexcept>

namespace kith::soak {
namespace {

std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, 1, ',');
  return out;
}

std::string duration(double ms) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(ms < 1000 ? 0 : 1) << (ms < 1000 ? ms : ms / 1000) << (ms < 1000 ? " ms" : " s");
  return out.str();
}

class Table {
 public:
  void row(const std::string& what, const std::string& figure) { out_ << "  " << std::left << std::setw(58) << what << figure << "\n"; }
  void row(const std::string& what, std::uint64_t figure) { row(what, grouped(figure)); }
  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
};

}  // namespace

std::string minute_line(std::int64_t minute, const Figures& figures) {
  const auto stable = figures.stable_ms();
  std::ostringstream out;
  out << std::setw(4) << minute << " min  killed " << figures.kills << "  stopped " << figures.stops << "  cut " << figures.cuts << "  disks back "
      << figures.back_young << "+" << figures.back_old << "  writes " << grouped(figures.acknowledged) << "  unknown " << figures.unknown << "  stable p50 "
      << duration(percentile(stable, 0.5)) << ", p99 " << duration(percentile(stable, 0.99)) << "  found " << figures.found();
  return out.str();
}

std::string table(const SoakOptions& options, const Figures& figures, const TableFacts& facts) {
  Table out;
  std::ostringstream minutes;
  minutes << options.minutes;
  out.row("minutes, nodes, writers, seed", minutes.str() + ", " + std::to_string(options.nodes) + ", " + std::to_string(options.writers) + ", " + std::to_string(options.seed));
  out.row("retry window", duration(static_cast<double>(options.retry_window_ms)));
  out.row("killed (SIGKILL)", figures.kills);
  out.row("stopped and let go on (SIGSTOP)", figures.stops);
  out.row("cuts, connections broken, weathers", grouped(figures.cuts) + ", " + grouped(figures.breaks) + ", " + grouped(figures.weathers));
  out.row("disks back, within the retry window, beyond the horizon", grouped(figures.back_young) + ", " + grouped(figures.back_old));
  out.row("rebases that nodes went through", facts.rebases);
  out.row("faults that never found their moment", grouped(figures.put_off) + (facts.faults_left ? ", and some at the end" : ""));
  out.row("messages passed, lost, cut, repeated, delayed, to nobody", grouped(facts.proxy.passed) + ", " + grouped(facts.proxy.lost) + ", " + grouped(facts.proxy.cut) + ", " +
                                                                          grouped(facts.proxy.repeated) + ", " + grouped(facts.proxy.delayed) + ", " + grouped(facts.proxy.unreachable));
  out.row("writes acknowledged", figures.acknowledged);
  out.row("  of these at the level of a quorum or of all", figures.at_quorum);
  out.row("  said again: first on too few nodes, first refused", grouped(figures.stored_first) + ", " + grouped(figures.refused_first));
  out.row("  said twice on purpose, and after their retry window", grouped(figures.said_twice) + ", " + grouped(figures.said_late));
  out.row("  clients that moved to another node", figures.moves);
  out.row("writes of which nobody knows", figures.unknown);
  out.row("writes to one disk that went back before they spread", grouped(facts.verdict.may_be_gone) + ", surely gone " + grouped(facts.verdict.gone));
  const auto stable = figures.stable_ms();
  out.row("stable everywhere after: p50, p90, p99, p99.9, most", duration(percentile(stable, 0.5)) + ", " + duration(percentile(stable, 0.9)) + ", " + duration(percentile(stable, 0.99)) +
                                                                     ", " + duration(percentile(stable, 0.999)) + ", " + duration(percentile(stable, 1)) + " (of " + grouped(stable.size()) + ")");
  out.row("reads of what was just written, where it must be seen",  grouped(figures.reads_of_own) + ", by a quorum " + grouped(figures.reads_of_quorum) + "; elsewhere " + grouped(figures.reads_elsewhere) + ", said to be stale " + grouped(figures.reads_stale) + ", no quorum " + grouped(figures.reads_not_reached));
  out.row("verdicts; longest until all nodes were equal", grouped(facts.settled) + "; " + duration(facts.settled_ms_most));
  out.row("elements and registers looked at in the last", grouped(facts.verdict.elements) + ", " + grouped(facts.verdict.registers));
  out.row("writes that nodes did again (redone.jsonl)", facts.redone);
  out.row("all fingerprints equal at the end", facts.equal ? "yes" : "NO");
  out.row("found", figures.found());
  return out.text();
}

std::pair<int, std::string> kith_diff(const std::vector<std::string>& addresses) {
  for (std::size_t i = 1; i < addresses.size(); ++i) {
    const auto port = addresses[0].rfind(':');
    const std::string command = std::string(KITH_PATH) + " --host " + addresses[0].substr(0, port) + " --port " + addresses[0].substr(port + 1) + " diff " + addresses[0] +
                                " " + addresses[i] + " 2>&1 </dev/null";
    FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
    std::string out;
    for (int c = ::fgetc(pipe); c != EOF && out.size() < 10'000; c = ::fgetc(pipe)) out += static_cast<char>(c);
    const int status = ::pclose(pipe);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code != 0) return {code, out};
  }
  return {0, ""};
}

}  // namespace kith::soak
