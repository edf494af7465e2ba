"""The page for people: `python -m streamlit run ui/app.py`.

It talks HTTP to the service, through `client`, and nothing else.
"""
