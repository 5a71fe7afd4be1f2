"""The methods of PettingZoo and mpe2 that are followed, each with the digest of its source."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FOLLOWED"]

_DIGESTS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "particles": {
        "mpe2._mpe_utils.simple_env": {
            "SimpleEnv.step": "b076b468c73ea23c",
        },
        "mpe2._mpe_utils.core": {
            "World.step": "33d3ebc5a11bbd22",
            "World.apply_action_force": "813f94d5db0c24e2",
            "World.apply_environment_force": "9d4b5d28b89988cc",
            "World.get_collision_force": "55028ecfc0e2076a",
            "World.integrate_state": "0ac35f5540409852",
            "World.update_agent_state": "05c5508b3ec0da1d",
        },
    },
    "pursuit": {
        "pettingzoo.sisl.pursuit.pursuit": {
            "raw_env.step": "c49d95c82daa58e4",
            "raw_env.observe": "c2a4b578f026a1d3",
        },
        "pettingzoo.sisl.pursuit.pursuit_base": {
            "Pursuit.__init__": "01a79bf6b63ce476",
            "Pursuit.step": "3fbd74a6c06bc934",
            "Pursuit.reward": "079e8a5dc90c1525",
            "Pursuit.is_terminal": "948ab50993195aed",
            "Pursuit.safely_observe": "576cb80c45f11561",
            "Pursuit.collect_obs": "af55457e8c2409bc",
            "Pursuit.collect_obs_by_idx": "111f4a561bf476cd",
            "Pursuit.obs_clip": "5fb93573c37113e1",
            "Pursuit.n_agents": "24f21603c3253375",
            "Pursuit.remove_agents": "261823609f732670",
            "Pursuit.need_to_surround": "095dfee31e34c9cf",
        },
        "pettingzoo.sisl.pursuit.utils.agent_layer": {
            "AgentLayer.n_agents": "d95a08d237baecb7",
            "AgentLayer.move_agent": "4d4632f502cb6607",
            "AgentLayer.get_position": "141a55ee44f92c84",
            "AgentLayer.remove_agent": "9861fc3a7885653a",
            "AgentLayer.get_state_matrix": "02a0ffc79c4d5f74",
        },
        "pettingzoo.sisl.pursuit.utils.discrete_agent": {
            "DiscreteAgent.__init__": "13226ed43e907352",
            "DiscreteAgent.step": "90df3531e70641c7",
            "DiscreteAgent.inbounds": "1a8bd8b8211651d3",
            "DiscreteAgent.inbuilding": "f134052fde3b4300",
            "DiscreteAgent.current_position": "d011390fb9cfc658",
        },
        "pettingzoo.sisl.pursuit.utils.controllers": {
            "RandomPolicy.act": "84ad80a5f805e877",
            "SingleActionPolicy.act": "fcf8fa312876cbe0",
        },
    },
    "scenes": {
        "mpe2._mpe_utils.simple_env": {
            "SimpleEnv._execute_world_step": "95afb970185f33c6",
            "SimpleEnv._set_action": "1f61cbe8c1785fe2",
            "SimpleEnv.observe": "f66ecf0c2c2aec4c",
        },
        "mpe2._mpe_utils.core": {
            "World.entities": "bbdf59d6d6b30dfe",
            "EntityState.p_pos": "a4f69fd2e4f7475e",
            "EntityState.p_vel": "d7d6f51d236051fb",
            "AgentState.c": "e9ac17017556371d",
            "Action.u": "4d7db6a74bcc05fd",
            "Action.c": "9f79bc5abfea619d",
            "Entity.mass": "81a71395c7316e57",
        },
    },
    "simple_spread": {
        "mpe2.simple_spread.simple_spread": {
            "Scenario.reward": "9ea7d37eb42ad685",
            "Scenario.global_reward": "99ead8ffbc3334b5",
            "Scenario.is_collision": "dc2e668f3739bc9d",
            "Scenario.observation": "466dcad897a97980",
        },
    },
    "simple_tag": {
        "mpe2.simple_tag.simple_tag": {
            "Scenario.reward": "5ef9fa9268786e42",
            "Scenario.agent_reward": "e84217f7a2170708",
            "Scenario.adversary_reward": "ee6cdf7d1e1c5638",
            "Scenario.good_agents": "ffbbfecc8c32939a",
            "Scenario.adversaries": "d7321f575c59c323",
            "Scenario.is_collision": "655efd66b3aeb571",
            "Scenario.observation": "d072541a903ff9b9",
        },
        "mpe2._mpe_utils.scenario": {
            "BaseScenario.global_reward": "0c5b713f67cf9d7c",
        },
        "mpe2._mpe_utils.partial_observability": {
            "padded_relative_positions": "8a51c9bb951edfd3",
        },
    },
    "knights": {
        "pettingzoo.butterfly.knights_archers_zombies.knights_archers_zombies": {
            "raw_env.step": "535bcd648d2965a5",
            "raw_env.observe": "95d2385a2427793d",
            "raw_env._observe_vector": "b71be23698b0a37c",
            "raw_env.get_vector_state": "307cb698822075be",
            "raw_env.do_zombie_turn": "9ca7996724f6a2e4",
            "raw_env.apply_weapons": "d422f94d39f0b3f1",
            "raw_env.num_active_arrows": "6b309621f5a577fe",
            "raw_env.num_active_swords": "064f7ab3d6aca252",
        },
        "pettingzoo.butterfly.knights_archers_zombies.src.players": {
            "Player.is_timed_out": "5fbca73e3acd4fab",
            "Player.act": "ef5b917314f46394",
            "Player._update_image": "5b33ec86163104ae",
            "Archer.is_timed_out": "334ecb569521b22b",
            "Archer.attack": "e3a27489138d51f0",
            "Knight.attack": "f2ea36c0bdcf2d0d",
            "Player.__init__": "46c3a77ebf8a8976",
            "Archer.__init__": "091d30c0639839ab",
            "Knight.__init__": "d909f16fa70be958",
        },
        "pettingzoo.butterfly.knights_archers_zombies.src.weapons": {
            "Weapon.__init__": "e4d87c3fd8d7b527",
            "Arrow.__init__": "5b8f55f7d2d04605",
            "Sword.__init__": "5691c75a1b51ff1f",
            "Arrow.act": "d3c214f6a261a0dd",
            "Arrow.is_active": "e4799a562715cd75",
            "Sword.act": "0a21c41b83a78ffe",
            "Sword.is_active": "04e8b357f9a82a62",
        },
        "pettingzoo.butterfly.knights_archers_zombies.src.zombie": {
            "Zombie.__init__": "a6e52ff115dd3e86",
            "Zombie.act": "ff73ed1efd4c541c",
        },
        "pettingzoo.butterfly.knights_archers_zombies.src.mixins": {
            "VectorObservable.vector_state": "8f6904be1cc59395",
            "VectorObservable.get_vector_state": "d886e88e217a5134",
        },
        "pettingzoo.butterfly.knights_archers_zombies.src.interval": {
            "Interval.increment": "f714ba11a672d637",
            "Interval.reset": "3d7017e8b3065441",
        },
        "pettingzoo.butterfly.knights_archers_zombies.src.img": {
            "get_image": "8eaf74e0cafa6057",
        },
    },
    "walkers": {
        "pettingzoo.sisl.multiwalker.multiwalker": {
            "raw_env.step": "64a68055a6b410d8",
            "raw_env.observe": "41e449f30233dc21",
        },
        "pettingzoo.sisl.multiwalker.multiwalker_base": {
            "ContactDetector.__init__": "8fde94f2c09bec76",
            "ContactDetector.BeginContact": "b5bcd9c8e9d0331f",
            "ContactDetector.EndContact": "5c4e10c758e39174",
            "BipedalWalker._reset": "b712b881608b18fe",
            "BipedalWalker._destroy": "45f40ccd08f9eb51",
            "BipedalWalker.apply_action": "534cf266d0bda8e9",
            "BipedalWalker.get_observation": "fae9280bb2489357",
            "MultiWalkerEnv.scroll_subroutine": "445d2730414fbc75",
            "MultiWalkerEnv.step": "e7a078faea3b607c",
            "MultiWalkerEnv.get_last_rewards": "f80784748fe347a4",
            "MultiWalkerEnv.get_last_dones": "22f4f5ddbb5f9632",
            "MultiWalkerEnv.observe": "79f43120d4233de5",
            "MultiWalkerEnv.reset": "6b6efd4390ba26c7",
            "MultiWalkerEnv._generate_package": "79a255bf3ff878f7",
        },
    },
    "walker_ground": {
        "pettingzoo.sisl.multiwalker.multiwalker_base": {
            "MultiWalkerEnv._generate_terrain": "4e67cd537df5fc3c",
            "MultiWalkerEnv._generate_clouds": "40dfc13bfe017d87",
            "MultiWalkerEnv._destroy": "b1099e8f9059edf3",
        },
        "Box2D": {
            "b2World.CreateBody": "2c417b6874ca373c",
            "b2World.CreateStaticBody": "352f44b0b7b358b6",
            "b2Body.CreateFixture": "96a1fa1a48c8c966",
        },
    },
    "pistons": {
        "pettingzoo.butterfly.pistonball.pistonball": {
            "raw_env.step": "530a4d7401f9456b",
            "raw_env.observe": "f671dc618ac8045f",
            "raw_env.draw": "70be0c5511fc167c",
            "raw_env.reset": "6d77e4fe433316e9",
            "raw_env.move_piston": "26da2fa877625d8a",
        },
    },
}

FOLLOWED: Mapping[str, Mapping[str, str]] = {
    what: {
        f"{module}:{path}": digest
        for module, methods in modules.items()
        for path, digest in methods.items()
    }
    for what, modules in _DIGESTS.items()
}
"""What is followed -> "module:Class.method" -> the first 16 digits of its source's SHA-256."""
