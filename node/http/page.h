// node/http/page.h -- the page, as it was embedded when this was built: page/index.html.
#pragma once

#include <string_view>

#include "node/http/server.h"

namespace kith {

std::string_view page_text();

// With a policy that lets it load nothing but itself, and talk to nobody but this node.
HttpReply page_reply();

}  // namespace kith
