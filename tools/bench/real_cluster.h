// tools/bench/real_cluster.h -- real nodes on this machine for as long as a measurement takes, and what such measurements
// share.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tools/bench/measure.h"
#include "tools/demo/demo_cluster.h"

namespace kith::bench {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using tools::DemoCluster;

// Started, in a directory that is gone with it.
class RealCluster {
 public:
  // `kithd` empty: the one beside us.  `parent`: of the directory; empty: the system's place for such.
  RealCluster(const std::string& kithd, const std::string& parent, std::size_t nodes, std::vector<std::string> arguments = {})
      : directory_(parent),
        cluster_(kithd.empty() ? tools::kithd_beside_us() : kithd, directory_.path(""), nodes, std::move(arguments)) {
    cluster_.start();
  }
  DemoCluster& nodes() { return cluster_; }

 private:
  ScratchDirectory directory_;
  DemoCluster cluster_;
};

}  // namespace kith::bench
