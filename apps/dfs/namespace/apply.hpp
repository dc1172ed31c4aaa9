#pragma once

#include "namespace/command.hpp"
#include "namespace/resolver.hpp"
#include "namespace/state_transaction.hpp"

#include <cstdint>
#include <vector>

/// Carries out commands on the state. A command that returns an error has changed nothing. The
/// caller must check the transaction for failed reads. For the applying thread.
namespace dfs::state {

using responses::changed;
using responses::written;

atl::result<changed> run(state_transaction& state, const commands::make& command);
atl::result<changed> run(state_transaction& state, const commands::link& command);
atl::result<changed> run(state_transaction& state, const commands::unlink& command);
atl::result<changed> run(state_transaction& state, const commands::rename& command);
atl::result<changed> run(state_transaction& state, const commands::set_attributes& command);
atl::result<written> run(state_transaction& state, const commands::write& command);
atl::result<written> run(state_transaction& state, const commands::clone_range& command);
atl::result<changed> run(state_transaction& state, const commands::set_xattr& command);
atl::result<changed> run(state_transaction& state, const commands::remove_xattr& command);
atl::result<responses::defined> run(state_transaction& state,
                                    const commands::define_policy& command);
atl::result<changed> run(state_transaction& state, const commands::set_policy& command);
atl::result<responses::registered> run(state_transaction& state,
                                       const commands::register_storage& command);
atl::result<changed> run(state_transaction& state, const commands::set_storage& command);
atl::result<responses::relocated> run(state_transaction& state, const commands::relocate& command);
atl::result<changed> run(state_transaction& state, const commands::configure& command);
atl::result<responses::mounted> run(state_transaction& state, const commands::begin_mount& command);
atl::result<changed> run(state_transaction& state, const commands::end_mount& command);
atl::result<changed> run(state_transaction& state, const commands::release& command);
atl::result<responses::garbage_collected> run(state_transaction& state,
                                              const commands::collect_garbage& command);
atl::result<changed> run(state_transaction& state, const commands::restore& command);
atl::result<responses::discarded> run(state_transaction& state, const commands::discard& command);
atl::result<changed> run(state_transaction& state, const commands::replace_chunk& command);
atl::result<responses::answers> run(state_transaction& state, const commands::batch& command);

} // namespace dfs::state
