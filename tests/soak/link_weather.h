// tests/soak/link_weather.h -- what a link does to the messages of nodes.
#pragma once

#include <cstdint>

namespace kith::soak {

struct LinkWeather {
  double lost = 0;                    // Of all messages, this part.
  double twice = 0;
  std::int64_t delay_least_ms = 0;    // Each by itself, so messages overtake each other.
  std::int64_t delay_most_ms = 0;

  friend bool operator==(const LinkWeather&, const LinkWeather&) = default;
};

}  // namespace kith::soak
