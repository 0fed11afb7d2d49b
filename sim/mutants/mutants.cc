#include "sim/mutants/mutants.h"

#include <algorithm>

#include "crdt/check.h"
#include "sim/mutants/mutant.h"

namespace kith::sim {
namespace {

constexpr Mutant kMutants[] = {
#include "sim/mutants/list.inc"  // Written by the build from the patches.
};

}  // namespace

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> all(std::begin(kMutants), std::end(kMutants));
  return all;
}

bool plant(std::string_view name) {
  const std::uint64_t hash = MutantName::hash_of(name);
  const auto same_hash = std::count_if(mutants().begin(), mutants().end(),
                                       [&](const Mutant& it) { return MutantName::hash_of(it.name) == hash; });
  KITH_CHECK(same_hash <= 1, "two mutants whose names have one hash: rename one of them", name);
  const bool known = std::any_of(mutants().begin(), mutants().end(), [&](const Mutant& it) { return it.name == name; });
  if (known) planted_hash = hash;
  return known;
}

}  // namespace kith::sim
