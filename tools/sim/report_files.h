// tools/sim/report_files.h -- the report of a run (sim/report.h), as files.
#pragma once

#include <string>

#include "sim/recording.h"

namespace kith::sim::tool {

// Writes NAME.html, NAME.json and NAME.svg, NAME made from the scenario's, into `directory`, which is made when it is
// not there; files of those names are replaced.  Returns the path of the page.  Throws ToolError.
std::string write_report(const Recording& recording, const std::string& directory);

}  // namespace kith::sim::tool
