#include "tools/sim/report_files.h"

#include <cctype>
#include <filesystem>
#include <fstream>

#include "sim/report.h"
#include "tools/sim/exit_code.h"

namespace kith::sim::tool {
namespace {

// "seed 17" is seed_17: no blanks, and nothing that leads out of the directory.
std::string file_name(const std::string& scenario) {
  std::string out;
  for (const char c : scenario) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    out += plain ? c : '_';
  }
  return out.empty() ? "report" : out;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw ToolError(kBroken, "--report: " + path.string() + " cannot be written");
}

}  // namespace

std::string write_report(const Recording& recording, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    throw ToolError(kBroken, "--report: the directory " + directory + " cannot be made (" + error.message() +
                                 "); give another");
  }
  const std::filesystem::path base = std::filesystem::path(directory) / file_name(recording.scenario);
  const std::string page = base.string() + ".html";
  write_file(page, report_html(recording));
  write_file(base.string() + ".json", report_json(recording));
  write_file(base.string() + ".svg", report_svg(recording));
  return page;
}

}  // namespace kith::sim::tool
