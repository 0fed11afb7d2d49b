// tools/demo/demo_verbs.h -- the backslash lines of `kith demo`: what is done to the nodes, not to the data.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/demo/demo_cluster.h"
#include "tools/demo/demo_load.h"
#include "tools/kith/line_runner.h"

namespace kith::tools {

class DemoVerbs {
 public:
  // `variables` are those of a script: \write stop sets `acknowledged`.
  DemoVerbs(DemoCluster& cluster, std::map<std::string, std::string>& variables)
      : cluster_(cluster), variables_(variables) {}

  LineExtension extension();  // Lives no longer than this object.

  // Loads the package database through all nodes at once.
  ExitCode load(const Console& console);

 private:
  using Words = std::vector<std::string>;
  ExitCode run(const Words& words, const Console& console);
  void partition(const Words& words, const Console& console);
  void write(const Words& words, const Console& console);
  void converge(const Words& words, const Console& console);
  void fingerprints(const Console& console);
  void status(const Console& console);

  DemoCluster& cluster_;
  std::map<std::string, std::string>& variables_;
  std::unique_ptr<SteadyWriter> writer_;
};

}  // namespace kith::tools
