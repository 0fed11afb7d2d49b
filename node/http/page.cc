#include "node/http/page.h"

namespace kith {

HttpReply page_reply() {
  return {.type = "text/html; charset=utf-8",
          .body = std::string(page_text()),
          .headers = {{"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
                       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
                      {"Referrer-Policy", "no-referrer"}}};
}

}  // namespace kith
