#include "fuzzing.hpp"
#include "namespace/response.hpp"

namespace {

template <class... Responses>
void try_each(std::string_view bytes) {
  // The second byte is the tag: one of the decoders takes it, all others refuse it.
  auto try_one = [&]<class Response>(Response*) {
    if (auto decoded = dfs::decode_response<Response>(bytes))
      fuzzing::promise(dfs::encode_response(*decoded) == bytes);
  };
  (try_one(static_cast<Responses*>(nullptr)), ...);
}

} // namespace

void fuzzing::try_bytes(std::string_view bytes) {
  using namespace dfs::responses;
  try_each<changed, registered, garbage_collected, entry, listing, opened, summary, chunk_page,
           known_chunks, written, defined, relocated, mounted, answers, incomplete_page,
           effective_policy, policy_page, setting_page, mount_page, xattr_value, xattr_names,
           trash_page, discarded>(bytes);
}
