#pragma once

#include "config/config.h"

namespace dashcap {

// What recording needs is kept: writing in archive and runtime directories, reading what tells about interfaces, and
// CAP_NET_RAW, because an interface that comes back needs a new socket. Root becomes the configured user, who is given
// the directories. The directory of `config_path` stays readable, for settings that are read again. Requires: the
// sources are open, and there is no thread but this one.
Status GiveUpPrivileges(const Config& config, const std::string& config_path);

}  // namespace dashcap
