#pragma once

#include <string>
#include <vector>

namespace dashcap {

// One key of the settings file, as docs/configuration.md shows it.
struct ConfigKey {
  std::string path;           // "capture[].snap_length"; [] stands for any element of a list
  std::string default_value;  // JSON text, or "required"
  std::string allowed;        // completes "must be …"
  std::string meaning;
};

// Every key that holds a value, in the order of the shipped file. Made from the same table that reading uses.
std::vector<ConfigKey> ConfigKeys();

}  // namespace dashcap
