// tests/sim/mutants_table_test.cc -- sim/mutants/README.md names every mutant that there is, and no other.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace {

std::set<std::string> names_in_table() {
  std::set<std::string> names;
  std::ifstream readme(KITH_SOURCE_DIR "/sim/mutants/README.md");
  for (std::string line; std::getline(readme, line);) {
    const std::string begin = "| `";
    if (!line.starts_with(begin)) continue;
    CHECK_MESSAGE(names.insert(line.substr(begin.size(), line.find('`', begin.size()) - begin.size())).second, "twice: ", line);
  }
  return names;
}

std::set<std::string> names_of_patches() {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(KITH_SOURCE_DIR "/sim/mutants")) {
    if (file.path().extension() == ".patch") names.insert(file.path().stem().string());
  }
  return names;
}

TEST_CASE("mutants: the table names every patch, and every patch is in the table") {
  const auto table = names_in_table(), patches = names_of_patches();
  CHECK(patches.size() > 40);
  for (const auto& name : patches) CHECK_MESSAGE(table.contains(name), "not in sim/mutants/README.md: ", name);
  for (const auto& name : table) CHECK_MESSAGE(patches.contains(name), "no such patch: ", name);
}

}  // namespace
