#pragma once

#include "config/config.h"

namespace dashcap {

// Answering needs no capability and writes nothing: archive and runtime directories stay readable, and the files of the
// listeners removable. Root becomes the configured user. Requires: the listeners are open, and there is no thread but
// this one.
Status GiveUpPrivileges(const Config& config, const std::string& config_path);

}  // namespace dashcap
