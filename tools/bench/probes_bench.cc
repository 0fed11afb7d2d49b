#include "tools/bench/probes_bench.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "sim/detector_net.h"

namespace kith::bench {
namespace {

using sim::DetectorNet;

constexpr std::int64_t kWarmUpMs = 5000;
constexpr std::int64_t kDeathMs = 60'000;   // Within this all have to know of a death; three times that a lone node would wait at most.

struct Quiet {
  double bytes = 0, messages = 0;            // Of a node in a second, on average.
  double most_bytes = 0;                     // Of any node in any second.
};

Quiet stay_quiet(DetectorNet& net, std::uint32_t seconds) {
  Quiet out;
  std::vector<std::uint64_t> before(net.nodes.size());
  std::uint64_t bytes = 0, messages = 0;
  for (const auto& node : net.nodes) bytes -= node.bytes, messages -= node.messages;
  for (std::uint32_t second = 0; second < seconds; ++second) {
    for (std::size_t i = 0; i < before.size(); ++i) before[i] = net.nodes[i].bytes;
    net.run_ms(1000);
    for (std::size_t i = 0; i < before.size(); ++i) out.most_bytes = std::max(out.most_bytes, static_cast<double>(net.nodes[i].bytes - before[i]));
  }
  for (const auto& node : net.nodes) bytes += node.bytes, messages += node.messages;
  const double of = static_cast<double>(net.nodes.size()) * seconds;
  out.bytes = static_cast<double>(bytes) / of;
  out.messages = static_cast<double>(messages) / of;
  return out;
}

struct Death {
  std::int64_t suspected_ms = -1, first_ms = -1, last_ms = -1;   // Since the death; -1: nobody did.
  std::size_t knew = 0;
};

Death see_die(DetectorNet& net, std::size_t which) {
  net.changes.clear();
  net.kill(which);
  const std::int64_t killed_ms = net.now_ms();
  net.run_ms(kDeathMs);
  Death out;
  for (const auto& change : net.changes) {
    if (change.what.node != net.nodes[which].id) continue;
    const std::int64_t after_ms = change.at_ms - killed_ms;
    if (change.what.after.state == Liveness::kSuspect && out.suspected_ms < 0) out.suspected_ms = after_ms;
    if (change.what.after.state != Liveness::kDead) continue;
    if (out.first_ms < 0) out.first_ms = after_ms;
    out.last_ms = after_ms;
    ++out.knew;
  }
  return out;
}

// Deaths that were told of who was up.
std::size_t wronged(const DetectorNet& net) {
  return static_cast<std::size_t>(std::count_if(net.changes.begin(), net.changes.end(), [&](const auto& it) {
    return it.what.after.state == Liveness::kDead && net.nodes[static_cast<std::size_t>(it.what.node.value) - 1].detector != nullptr;
  }));
}

void run_one(const ProbesBenchOptions& options, std::size_t nodes, double loss, Table& cost, Table& death) {
  DetectorNet net(nodes, options.seed);
  net.loss = loss;
  net.run_ms(kWarmUpMs);
  const Quiet quiet = stay_quiet(net, options.seconds);
  std::size_t wrong = wronged(net);
  const auto rounded = [](double x) { return std::round(x * 10) / 10; };
  cost.add({static_cast<double>(nodes), std::round(loss * 100), rounded(quiet.bytes), quiet.most_bytes, std::round(quiet.messages * 1000) / 1000,
            static_cast<double>(wrong)});
  for (std::uint32_t i = 0; i < options.deaths && i + 2 < nodes; ++i) {
    const Death seen = see_die(net, i);
    wrong = wronged(net);
    death.add({static_cast<double>(nodes), std::round(loss * 100), static_cast<double>(seen.suspected_ms), static_cast<double>(seen.first_ms),
               static_cast<double>(seen.last_ms - seen.first_ms), static_cast<double>(seen.knew), static_cast<double>(nodes - 1 - i),
               static_cast<double>(wrong)});
  }
}

}  // namespace

std::vector<Table> run_probes_bench(const ProbesBenchOptions& options) {
  Table cost("probes", "Failure detection while nobody dies, " + std::to_string(options.seconds) + " s",
             {"nodes", "messages lost, %", "bytes a node and second", "most of any node in any second", "messages a node and second",
              "deaths told of the living"});
  Table death("probes_deaths", "Deaths, one after another: ms after the death",
              {"nodes", "messages lost, %", "first suspected", "first called dead", "then all know within", "who know", "of", "deaths told of the living"});
  for (const std::size_t nodes : options.nodes) {
    run_one(options, nodes, 0, cost, death);
    if (options.loss > 0) run_one(options, nodes, options.loss, cost, death);
  }
  cost.note("bytes: frames as they are on the wire, without headers of TCP; a ping a second, dead after ten");
  death.note("all know within: from the first that calls it dead, whose suspicion ended, to the last");
  return {cost, death};
}

}  // namespace kith::bench
