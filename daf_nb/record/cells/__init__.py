"""Any code as a recorded run: whose output, names, figures and past are whose."""
