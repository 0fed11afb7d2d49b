// tests/repository/bad_input_table_test.cc -- tests/BAD_INPUT.md names tests that exist, and all tests can be named.
#include <doctest/doctest.h>


#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace {

std::set<std::string> names_of_tests() {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::recursive_directory_iterator(KITH_SOURCE_DIR "/tests")) {
    if (file.path().extension() != ".cc") continue;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line);) {
      for (const std::string macro : {"TEST_CASE(\"", "EACH_STORE(\""}) {
        if (!line.starts_with(macro)) continue;
        const std::size_t end = line.find('"', macro.size());
        if (end != std::string::npos) names.insert(line.substr(macro.size(), end - macro.size()));
      }
    }
  }
  return names;
}

TEST_CASE("bad input: every test that the table names is there") {
  const std::set<std::string> names = names_of_tests();
  REQUIRE(names.size() > 200);
  std::ifstream table(KITH_SOURCE_DIR "/tests/BAD_INPUT.md");
  std::size_t rows = 0;
  for (std::string line; std::getline(table, line);) {
    if (!line.starts_with("| ") || line.starts_with("| where") || line.starts_with("| ---")) continue;
    ++rows;
    const std::size_t end = line.rfind(" |"), begin = line.rfind("| ", end - 1) + 2;
    const std::string name = line.substr(begin, end - begin);
    CHECK_MESSAGE(names.contains(name), "no such test: ", name);
  }
  CHECK(rows > 40);
}

// ctest cuts a name at ';', and each half would match no case.
TEST_CASE("repository: no test has a name that ctest would cut") {
  for (const std::string& name : names_of_tests()) CHECK_MESSAGE(name.find(';') == std::string::npos, name);
}

}  // namespace
