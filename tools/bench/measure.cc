#include "tools/bench/measure.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace kith::bench {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

ScratchDirectory::ScratchDirectory(const std::string& parent) {
  path_ =
      (parent.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(parent)) / "kith-bench-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error("cannot create a directory " + path_ + ": give another --dir");
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Content plain_add(std::uint64_t at) {
  SetElement state;
  return Content(state.add({Timestamp{at}, actor_of(kBenchOrigin)}, {Timestamp{at}, kBenchOrigin}));
}

Content add_of_sessions(std::size_t actors, std::uint64_t at) {
  SetElement state;
  for (std::size_t i = 1; i <= actors; ++i) {
    (void)state.add({Timestamp{at}, ActorId{i}}, {Timestamp{at + i}, kBenchOrigin});
  }
  return Content(std::move(state));
}

}  // namespace kith::bench
