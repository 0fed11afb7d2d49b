// sim/mutants/mutant.h -- the switch behind a planted fault.
//
//     if (sim::planted("push_ignores_gaps")) ...      in a patched copy of a source file; never in the source itself
//
// At most one mutant is planted in a process, for as long as it lives; a name is hashed by the compiler, so that asking
// costs one comparison.  Included by the build (-include), not by the patches: they stay as small as the fault.
// How all of this works: sim/mutants/README.md
#pragma once

#include <cstdint>
#include <string_view>

namespace kith::sim {

class MutantName {
 public:
  // FNV-1a; that no two names of the list share a hash is checked where the list is built.
  consteval MutantName(const char* name) : hash_(hash_of(name)) {}

  static constexpr std::uint64_t hash_of(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
  }
  constexpr std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_;
};

// Of the planted mutant; zero: none.  Set by plant() (sim/mutants/mutants.h) before anything runs.
inline std::uint64_t planted_hash = 0;

inline bool planted(MutantName name) { return planted_hash == name.hash(); }

}  // namespace kith::sim
