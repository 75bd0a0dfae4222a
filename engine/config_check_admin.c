#include "engine/config_check_admin.h"

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)

/* What is told there is nobody else's business. */
void config_check_admin(const struct config *config, struct config_places *places)
{
	const struct config_admin *admin = &config->admin;

	if (admin->address.port == 0 && admin->token_file != NULL)
		complain(places, admin, &admin->token_file,
		        "admin.address is missing; right is one such as 127.0.0.1:9000");
	if (admin->address.port != 0 && !endpoint_is_loopback(&admin->address) &&
	        admin->token_file == NULL)
		complain(places, admin, &admin->address,
		        "admin.address: others can reach it, and there is no token_file; right is "
		        "a loopback address, or a token_file");
	for (size_t i = 0; i < config->listeners.count && admin->address.port != 0; i++)
		if (endpoint_equal(&config->listeners.at[i].address, &admin->address))
			complain(places, admin, &admin->address,
			        "admin.address: listeners[%zu] has it already; right is one of its "
			        "own",
			        i);
}
